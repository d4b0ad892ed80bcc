#include "tests/golden/golden_vqa.h"

#include <array>
#include <map>
#include <stdexcept>

#include "data/safetensors.h"
#include "tests/golden/fill.h"
#include "vqa/loss.h"
#include "vqa/model.h"

namespace golden {
namespace {

constexpr double kLossTolerance = 1e-5, kGradientTolerance = 1e-3;
constexpr int64_t kGridChannels = 2048;

/// openvqa's settings by size of model; layers, widths and vocabularies as the golden files were made with.
vqa::ModelOptions model_options(const std::string& size) {
  vqa::ModelConfig config = vqa::preset("mcan-small").model;
  config.dropout = 0;
  vqa::ModelOptions options{.config = config, .words = 1000, .answers = 3129, .grid_channels = kGridChannels};
  if (size == "large") {
    options.config.dim = 1024;
    options.config.feed_forward = 4096;
    options.config.pool_dim = 512;
    options.config.fused_dim = 2048;
  } else if (size == "tiny") {
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

/// A cell or token that is all zeros is padding for openvqa; here lengths say so.
vqa::Batch make_batch(const data::TensorFile& file, const std::string& size, uint32_t salt) {
  const torch::Tensor grid_lengths = file.at("grid_lengths");
  const int64_t samples = grid_lengths.numel(), cells = grid_lengths.max().item<int64_t>();
  vqa::Batch batch;
  batch.grid = torch::zeros({samples, cells, kGridChannels});  // (B, n, C)
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t count = grid_lengths[b].item<int64_t>();
    batch.grid[b].narrow(0, 0, count) =
        uniform("grid." + size + "." + std::to_string(b), {count, kGridChannels}, salt) + 0.5;
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

std::string openvqa_name(const std::string& ours) {
  static constexpr std::array<std::pair<const char*, const char*>, 21> kParts{{
      {"question_encoder.", ""},
      {"grid_projection.", "adapter.frcn_linear."},
      {"mcan.encoder.", "backbone.enc_list."},
      {"mcan.decoder.", "backbone.dec_list."},
      {"self_attention.", "mhatt1."},
      {"cross_attention.", "mhatt2."},
      {".attention.", ".mhatt."},
      {"query.", "linear_q."},
      {"key.", "linear_k."},
      {"value.", "linear_v."},
      {".out.", ".linear_merge."},
      {"feed_forward.inner.", "ffn.mlp.fc.linear."},
      {"feed_forward.outer.", "ffn.mlp.linear."},
      {"question_pool.hidden.", "attflat_lang.mlp.fc.linear."},
      {"question_pool.score.", "attflat_lang.mlp.linear."},
      {"question_pool.merge.", "attflat_lang.linear_merge."},
      {"image_pool.hidden.", "attflat_img.mlp.fc.linear."},
      {"image_pool.score.", "attflat_img.mlp.linear."},
      {"image_pool.merge.", "attflat_img.linear_merge."},
      {"classifier.", "proj."},
      {"norm", "norm"},
  }};
  std::string name = ours;
  for (const auto& [from, to] : kParts) {
    if (const auto at = name.find(from); at != std::string::npos) name.replace(at, std::string(from).size(), to);
  }
  if (name.starts_with("norm.")) name = "proj_" + name;
  const auto leaf = name.rfind('.');
  if (name.find("norm") != std::string::npos)
    name = name.substr(0, leaf) + (name.ends_with("weight") ? ".a_2" : ".b_2");
  return name;
}

std::vector<Comparison> mcan(const std::filesystem::path& folder, uint32_t salt, const std::string& size) {
  const data::TensorFile file = data::read_safetensors(folder / ("mcan_" + size + ".safetensors"));
  vqa::Model model(model_options(size));
  fill_module(*model, salt, openvqa_name);
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
  for (const auto& item : model->named_parameters()) ours["grad_norm." + openvqa_name(item.key())] = item.value();
  for (const auto& [name, norm] : file.tensors) {
    if (!name.starts_with("grad_norm.")) continue;
    if (!ours.contains(name)) throw std::runtime_error(name + ": the model has no such parameter");
    comparisons.push_back(
        {name, relative_error(ours[name].grad().norm().view({1}), norm.view({1})), kGradientTolerance});
  }
  return comparisons;
}

}  // namespace golden
