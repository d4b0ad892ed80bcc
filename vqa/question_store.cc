#include "vqa/question_store.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "data/grid_store_writer.h"
#include "data/sha256.h"
#include "data/weights.h"
#include "vqa/version.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

constexpr size_t kBatch = 64;  // questions that are encoded together

using Ids = std::span<const int64_t>;
using Distinct = std::map<int64_t, Ids>;  // questions by their numbers

/// A question's number in a store: FNV-1a of its ids, without the sign. Of a million different questions, two have the
/// same with a chance of 1 in 10 million.
int64_t number_of(Ids ids) {
  uint64_t hash = 14695981039346656037U;
  for (const int64_t id : ids) hash = (hash ^ static_cast<uint64_t>(id)) * 1099511628211U;
  return static_cast<int64_t>(hash >> 1);
}

Distinct distinct(const std::vector<std::span<const Tokens>>& all) {
  Distinct questions;
  for (const std::span<const Tokens>& some : all) {
    for (const Tokens& ids : some) questions.emplace(number_of(ids), ids);
  }
  return questions;
}

/// Other weights make other features.
std::string sha256_of(const text::QuestionEncoderImpl& encoder) {
  data::Sha256 sha;
  for (const auto& [name, tensor] : data::network_tensors(encoder).tensors) {
    const torch::Tensor values = tensor.detach().cpu().contiguous();
    sha.update(name.data(), name.size());
    sha.update(values.const_data_ptr(), values.nbytes());
  }
  return sha.digest();
}

data::GridStorePlan plan_of(const Distinct& questions, const text::QuestionEncoderImpl& encoder,
                            const std::string& name) {
  data::GridSplitPlan split{.name = QuestionStore::kSplit};
  for (const auto& [number, ids] : questions) split.images.push_back({number, 1, static_cast<int32_t>(ids.size())});
  return {.provenance = {.backbone = name,
                         .weights_sha256 = sha256_of(encoder),
                         .precision = "float32",
                         .program = std::string("vqa ") + kVersion},
          .channels = encoder.dim(),
          .splits = {std::move(split)}};
}

bool holds(const data::GridStore& store, const data::GridStorePlan& plan) {
  if (store.provenance().weights_sha256 != plan.provenance.weights_sha256) return false;
  const auto& planned = plan.splits[0].images;
  return std::all_of(planned.begin(), planned.end(), [&](const data::PlannedGrid& question) {
    return store.find(QuestionStore::kSplit, question.image_id) != nullptr;
  });
}

/// The writer of a plan, going on with what is there where it was the same plan.
data::GridStoreWriter writer_of(const fs::path& path, const data::GridStorePlan& plan) {
  try {
    return data::GridStoreWriter(path, plan, {.resume = true});
  } catch (const std::invalid_argument&) {  // other questions, or other weights
    fs::remove(data::unfinished_path(path));
    return data::GridStoreWriter(path, plan, {.resume = true});
  }
}

/// False where it was stopped.
bool write(text::QuestionEncoderImpl& encoder, const Distinct& questions, data::GridStoreWriter& writer,
           const QuestionStoreOptions& options) {
  const c10::InferenceMode inference;
  const torch::Device device = encoder.parameters().front().device();
  std::vector<size_t> places;  // of a batch
  std::vector<Ids> ids;
  size_t place = 0;
  const auto encode = [&] {
    Batch batch;
    batch.set_tokens(ids);
    const torch::Tensor features =
        encoder.forward(batch.tokens.to(device), batch.token_lengths).to(torch::kCPU, torch::kHalf);  // (Q, T, C)
    for (size_t i = 0; i < ids.size(); ++i)
      writer.write(0, places[i], features[static_cast<int64_t>(i)].const_data_ptr());
    places.clear();
    ids.clear();
    if (options.on_progress) options.on_progress(writer.written(), static_cast<int64_t>(questions.size()));
  };
  for (auto each = questions.begin(); each != questions.end(); ++each, ++place) {
    if (options.stop != nullptr && *options.stop) return false;
    if (writer.written(0, place)) continue;
    places.push_back(place);
    ids.push_back(each->second);
    if (ids.size() == kBatch) encode();
  }
  if (!ids.empty()) encode();
  return true;
}

}  // namespace

std::unique_ptr<const QuestionStore> QuestionStore::open(text::QuestionEncoderImpl& encoder,
                                                         const std::vector<std::span<const Tokens>>& questions,
                                                         const QuestionStoreOptions& options) {
  const Distinct all = distinct(questions);
  const data::GridStorePlan plan = plan_of(all, encoder, options.encoder);
  if (fs::exists(options.path)) {
    auto found = std::make_unique<const QuestionStore>(options.path);
    if (holds(found->store(), plan)) return found;
  }
  data::GridStoreWriter writer = writer_of(options.path, plan);
  if (!write(encoder, all, writer, options)) return nullptr;
  writer.finish();
  return std::make_unique<const QuestionStore>(options.path);
}

torch::Tensor QuestionStore::read(const std::vector<Ids>& questions) const {
  size_t longest = 1;
  for (const Ids& ids : questions) longest = std::max(longest, ids.size());
  const auto row = longest * static_cast<size_t>(store_.channels());
  torch::Tensor features = torch::empty(
      {static_cast<int64_t>(questions.size()), static_cast<int64_t>(longest), store_.channels()});  // (Q, T, C)
  auto* at = features.data_ptr<float>();
  for (const Ids& ids : questions) {
    const data::GridImage* found = store_.find(kSplit, number_of(ids));
    if (found == nullptr) throw std::runtime_error(store_.path().string() + ": lacks a question; remove the file");
    store_.read_float(*found, at);
    std::fill(at + store_.numbers(*found), at + row, 0.0F);
    at += row;
  }
  return features;
}

}  // namespace vqa
