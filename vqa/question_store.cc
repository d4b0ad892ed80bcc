#include "vqa/question_store.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "data/grid_store_writer.h"
#include "vqa/batch.h"
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

data::GridStorePlan plan_of(const Distinct& questions, const FrozenQuestionEncoder& encoder) {
  data::GridSplitPlan split{.name = QuestionStore::kSplit};
  for (const auto& [number, ids] : questions) split.images.push_back({number, 1, static_cast<int32_t>(ids.size())});
  return {.provenance = {.backbone = encoder.name,
                         .weights_sha256 = encoder.fingerprint,
                         .precision = "float32",
                         .program = std::string("vqa ") + kVersion},
          .channels = encoder.dim,
          .splits = {std::move(split)}};
}

/// The writer of a plan, going on with what is there where it was the same plan.
data::GridStoreWriter writer_of(const fs::path& path, const data::GridStorePlan& plan) {
  try {
    return data::GridStoreWriter(path, plan, {.resume = true});
  } catch (const std::exception&) {  // of other questions or another encoder, or damaged: it is computed again
    fs::remove(data::unfinished_path(path));
    return data::GridStoreWriter(path, plan, {.resume = true});
  }
}

/// Encodes the questions of a batch and writes those that are not there yet. The others are encoded too: what a
/// question gets depends in its last bits on what it is encoded with.
void write_batch(const FrozenQuestionEncoder& encoder, const std::vector<Ids>& ids, size_t first,
                 data::GridStoreWriter& writer) {
  Batch batch;
  batch.set_tokens(ids);
  const torch::Tensor features =
      encoder.encode(batch.tokens, batch.token_lengths).to(torch::kCPU, torch::kHalf).contiguous();  // (Q, T, C)
  if (!torch::isfinite(features).all().item<bool>())
    throw std::runtime_error("the frozen question encoder gives features that are too large, or no numbers");
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!writer.written(0, first + i)) writer.write(0, first + i, features[static_cast<int64_t>(i)].const_data_ptr());
  }
}

/// False where it was stopped.
bool write(const FrozenQuestionEncoder& encoder, const Distinct& questions, data::GridStoreWriter& writer,
           const QuestionStoreOptions& options) {
  const c10::InferenceMode inference;
  auto next = questions.begin();
  for (size_t first = 0; first < questions.size(); first += kBatch) {
    if (options.stop != nullptr && *options.stop) return false;
    std::vector<Ids> ids;
    bool lacking = false;
    for (; next != questions.end() && ids.size() < kBatch; ++next) {
      lacking = lacking || !writer.written(0, first + ids.size());
      ids.push_back(next->second);
    }
    if (!lacking) continue;
    write_batch(encoder, ids, first, writer);
    if (options.on_progress) options.on_progress(writer.written(), static_cast<int64_t>(questions.size()));
  }
  return true;
}

}  // namespace

std::unique_ptr<const QuestionStore> QuestionStore::open(const FrozenQuestionEncoder& encoder,
                                                         const std::vector<std::span<const Tokens>>& questions,
                                                         const QuestionStoreOptions& options) {
  const Distinct all = distinct(questions);
  const auto opened = [&] { return std::unique_ptr<const QuestionStore>(new QuestionStore(options.path)); };
  if (fs::exists(options.path)) {
    auto found = opened();
    const bool same = found->store_.provenance().weights_sha256 == encoder.fingerprint;
    if (same && std::all_of(all.begin(), all.end(), [&](const auto& each) { return found->find(each.second); }))
      return found;
  }
  data::GridStoreWriter writer = writer_of(options.path, plan_of(all, encoder));
  if (!write(encoder, all, writer, options)) return nullptr;
  writer.finish();
  return opened();
}

/// Null where the store does not have it.
const data::GridImage* QuestionStore::find(Ids ids) const {
  const data::GridImage* found = store_.find(kSplit, number_of(ids));
  return found != nullptr && found->cells() == static_cast<int64_t>(ids.size()) ? found : nullptr;
}

torch::Tensor QuestionStore::read(const std::vector<Ids>& questions) const {
  size_t longest = 1;
  for (const Ids& ids : questions) longest = std::max(longest, ids.size());
  const auto row = longest * static_cast<size_t>(store_.channels());
  torch::Tensor features = torch::empty(
      {static_cast<int64_t>(questions.size()), static_cast<int64_t>(longest), store_.channels()});  // (Q, T, C)
  auto* at = features.data_ptr<float>();
  for (const Ids& ids : questions) {
    const data::GridImage* found = find(ids);
    if (found == nullptr) throw std::runtime_error(store_.path().string() + ": lacks a question; remove the file");
    store_.read_float(*found, at);
    std::fill(at + store_.numbers(*found), at + row, 0.0F);
    at += row;
  }
  return features;
}

}  // namespace vqa
