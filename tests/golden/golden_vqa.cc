#include "tests/golden/golden_vqa.h"

#include <map>
#include <stdexcept>

#include "data/safetensors.h"
#include "data/skip_init.h"
#include "tests/golden/fill.h"
#include "vqa/loss.h"
#include "vqa/model.h"
#include "vqa/openvqa_names.h"

namespace golden {
namespace {

constexpr double kLossTolerance = 1e-5, kGradientTolerance = 1e-3;
constexpr int64_t kGridChannels = 2048;

/// A cell or token that is all zeros is padding for openvqa; here lengths say so.
vqa::Batch make_batch(const data::TensorFile& file, const std::string& size, uint32_t salt) {
  const torch::Tensor grid_lengths = file.at("grid_lengths");
  const int64_t samples = grid_lengths.numel(), cells = grid_lengths.max().item<int64_t>();
  vqa::Batch batch;
  batch.grid = torch::zeros({samples, cells, kGridChannels});  // (B, n, C)
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t count = grid_lengths[b].item<int64_t>();
    batch.grid[b].narrow(0, 0, count) = mcan_cells(size, b, count, salt);
  }
  batch.grid_lengths = grid_lengths;
  batch.tokens = file.at("tokens");
  batch.token_lengths = (batch.tokens != 0).sum(1);
  return batch;
}

vqa::SparseTargets make_targets(const std::string& size, at::IntArrayRef shape, uint32_t salt) {
  const torch::Tensor hit = uniform("target." + size, shape, salt) > 0.45;  // (B, answers)
  const torch::Tensor at = hit.nonzero();
  return {at.select(1, 0), at.select(1, 1), torch::ones({at.size(0)})};
}

/// Rows of (B, T, D) within the samples' lengths: openvqa computes the padded ones too, from padding.
torch::Tensor real_rows(const torch::Tensor& x, const torch::Tensor& lengths) {
  std::vector<torch::Tensor> rows;
  for (int64_t b = 0; b < lengths.numel(); ++b) rows.push_back(x[b].narrow(0, 0, lengths[b].item<int64_t>()));
  return torch::cat(rows);
}

}  // namespace

vqa::ModelOptions mcan_options(const std::string& size) {
  vqa::ModelConfig config = vqa::preset(size == "large" ? "mcan-large" : "mcan-small").model;
  config.dropout = 0;
  vqa::ModelOptions options{.config = config, .words = 1000, .answers = 3129, .grid_channels = kGridChannels};
  if (size == "tiny") {
    options.words = 40;
    options.answers = 13;
    options.config.dim = 64;
    options.config.heads = 4;
    options.config.encoder_layers = 2;
    options.config.decoder_layers = 2;
    options.config.feed_forward = 256;
    options.config.pool_dim = 64;
    options.config.fused_dim = 128;
  }
  return options;
}

data::TensorFile mcan_weights(const std::string& size, uint32_t salt) {
  const data::SkipInit undefined;
  const vqa::Model model(mcan_options(size));
  data::TensorFile file = vqa::openvqa_tensors(*model, vqa::openvqa_dialects().front());
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : file.tensors) tensor.copy_(fill(name, tensor.sizes(), salt));
  return file;
}

torch::Tensor mcan_cells(const std::string& size, int64_t sample, int64_t count, uint32_t salt) {
  return uniform("grid." + size + "." + std::to_string(sample), {count, kGridChannels}, salt) + 0.5;
}

std::vector<Comparison> mcan(const std::filesystem::path& folder, uint32_t salt, const std::string& size) {
  const data::TensorFile file = data::read_safetensors(folder / ("mcan_" + size + ".safetensors"));
  vqa::Model model(mcan_options(size));
  const auto published = [](const std::string& ours) { return vqa::openvqa_name(ours); };
  fill_module(*model, salt, published);
  const vqa::Batch batch = make_batch(file, size, salt);

  const torch::Tensor words = model->encode_question(batch).features;  // (B, T, D)
  const auto fused = model->fuse(fusion::Sequence::padded(words, batch.token_lengths), model->encode_image(batch), {});
  const torch::Tensor loss = vqa::find_loss("binary").of(fused.logits, make_targets(size, fused.logits.sizes(), salt));
  loss.backward();

  const auto rows = [&](const char* name, const torch::Tensor& ours, const torch::Tensor& lengths) {
    return Comparison{name, relative_error(real_rows(ours, lengths), real_rows(file.at(name), lengths))};
  };
  std::vector<Comparison> comparisons{
      {"logits", relative_error(fused.logits, file.at("logits"))},
      rows("lstm", words, batch.token_lengths),
      rows("question", fused.sides.question.features, batch.token_lengths),
      {"question_flat", relative_error(fused.question.features, file.at("question_flat"))},
      {"image_flat", relative_error(fused.image.features, file.at("image_flat"))},
      {"target_loss", relative_error(loss.view({1}), file.at("target_loss")), kLossTolerance}};
  if (file.tensors.contains("image")) {
    comparisons.push_back(rows("image", fused.sides.image.features, batch.grid_lengths));
  }
  std::map<std::string, torch::Tensor> ours;  // by the file's names
  for (const auto& item : model->named_parameters()) ours["grad_norm." + vqa::openvqa_name(item.key())] = item.value();
  for (const auto& [name, norm] : file.tensors) {
    if (!name.starts_with("grad_norm.")) continue;
    if (!ours.contains(name)) throw std::runtime_error(name + ": the model has no such parameter");
    comparisons.push_back(
        {name, relative_error(ours[name].grad().norm().view({1}), norm.view({1})), kGradientTolerance});
  }
  return comparisons;
}

}  // namespace golden
