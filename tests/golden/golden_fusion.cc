#include "tests/golden/golden_fusion.h"

#include <map>
#include <stdexcept>

#include "data/safetensors.h"
#include "fusion/dba_attention.h"
#include "fusion/layers.h"
#include "tests/golden/fill.h"

namespace golden {
namespace {

constexpr int64_t kDp = 16, kDin = 24;  // of the published code

struct Setting {
  int64_t dim, heads;
  int64_t every;  // the file keeps every so-many-th row
};

Setting setting(const std::string& tag) {
  static const std::map<std::string, Setting> settings{{"tiny", {32, 4, 1}},
                                                       {"uea", {128, 8, 1}},
                                                       {"long", {64, 2, 50}},
                                                       {"cross_small", {64, 4, 1}},
                                                       {"cross_wide", {512, 8, 40}}};
  return settings.at(tag);
}

fusion::AttentionOptions attention_options(const Setting& s) {
  return {.kind = "dba", .dim = s.dim, .heads = s.heads, .d_p = kDp, .d_in = kDin, .dropout = 0};
}

/// The kept rows of (n, B, D) that lie within their sample's length, side by side: (rows, D).
torch::Tensor real_rows(const torch::Tensor& kept, const torch::Tensor& lengths, int64_t every) {
  std::vector<torch::Tensor> rows;
  for (int64_t b = 0; b < lengths.numel(); ++b) {
    const int64_t count = (lengths[b].item<int64_t>() + every - 1) / every;
    rows.push_back(kept.select(1, b).narrow(0, 0, count));
  }
  return torch::cat(rows);
}

/// Ours (B, n, D) against the file's (kept n, B, D).
Comparison compare(const std::string& quantity, const torch::Tensor& ours, const data::TensorFile& file,
                   int64_t every) {
  const torch::Tensor lengths = file.at("lengths");
  const torch::Tensor kept = ours.transpose(0, 1).slice(0, 0, std::nullopt, every);
  return {quantity, relative_error(real_rows(kept, lengths, every), real_rows(file.at(quantity), lengths, every))};
}

fusion::Sequence input(const std::string& name, const Setting& s, const torch::Tensor& lengths, uint32_t salt) {
  const int64_t n = lengths.max().item<int64_t>(), batch = lengths.numel();
  return fusion::Sequence::padded((3 * uniform(name, {n, batch, s.dim}, salt)).transpose(0, 1), lengths);
}

}  // namespace

std::string published_dba_name(const std::string& ours) {
  static const std::map<std::string, std::string> names{
      {"pq", "pq_proj"},     {"pk", "pk_proj"},   {"pv", "pv_proj"},
      {"q", "q_proj"},       {"k", "k_proj"},     {"v", "v_proj"},
      {"len", "q_len_proj"}, {"out", "out_proj"}, {"norm", "self_attn_layer_norm1"}};
  const auto dot = ours.find('.');
  return names.at(ours.substr(0, dot)) + ours.substr(dot);
}

std::vector<Comparison> dba_layers(const std::filesystem::path& folder, uint32_t salt, const std::string& tag) {
  const torch::NoGradGuard no_grad;
  const Setting s = setting(tag);
  const data::TensorFile file = data::read_safetensors(folder / ("dba_" + tag + ".safetensors"));
  const torch::Tensor lengths = file.at("lengths");
  fusion::LayerOptions options{.attention = attention_options(s), .feed_forward = 2 * s.dim, .dropout = 0};
  fusion::Encoded x{input("x." + tag, s, lengths, salt),
                    uniform("z." + tag, {kDp, s.dim}, salt).expand({lengths.numel(), -1, -1})};
  std::vector<Comparison> comparisons;
  for (const std::string& layer_name : {std::string("0"), std::string("1")}) {
    fusion::EncoderLayer layer(options);
    fill_module(*layer, salt, [&](const std::string& ours) {
      if (ours.starts_with("attention.")) return layer_name + ".self_attn." + published_dba_name(ours.substr(10));
      if (ours.starts_with("feed_forward.inner")) return layer_name + ".linear1" + ours.substr(18);
      if (ours.starts_with("feed_forward.outer")) return layer_name + ".linear2" + ours.substr(18);
      return layer_name + "." + ours;  // norm1, norm2
    });
    layer->eval();
    const fusion::AttentionOutput attended = layer->attention().self(x.sequence, x.state);
    x = layer->forward(x);
    comparisons.push_back(compare("attention." + layer_name, attended.features, file, s.every));
    comparisons.push_back(compare("out." + layer_name, x.sequence.features, file, s.every));
    comparisons.push_back({"z." + layer_name, relative_error(x.state.transpose(0, 1), file.at("z." + layer_name))});
  }
  return comparisons;
}

std::vector<Comparison> dba_cross(const std::filesystem::path& folder, uint32_t salt, const std::string& tag) {
  const torch::NoGradGuard no_grad;
  const std::string cross_tag = "cross_" + tag;
  const Setting s = setting(cross_tag);
  const data::TensorFile file = data::read_safetensors(folder / ("dba_" + cross_tag + ".safetensors"));
  const torch::Tensor lengths = file.at("lengths");
  fusion::DbaAttention attention(attention_options(s));
  fill_module(*attention, salt, published_dba_name);
  attention->eval();
  const torch::Tensor c2 = 3 * uniform("c2." + cross_tag, {kDp, lengths.numel(), s.dim}, salt);
  const fusion::Sequence x = input("x." + cross_tag, s, lengths, salt);
  const fusion::AttentionOutput ours = attention->cross(x, {}, c2.transpose(0, 1));
  return {compare("out", ours.features, file, s.every),
          {"c1", relative_error(ours.state.transpose(0, 1), file.at("c1"))}};
}

}  // namespace golden
