#include "text/albert_layers.h"

#include "data/settings.h"

namespace text {
namespace {

torch::Tensor activate(const torch::Tensor& x, const std::string& activation) {
  if (activation == "relu") return torch::relu(x);
  return at::gelu(x, activation == "gelu_new" ? "tanh" : "none");
}

torch::Tensor norm(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift, double eps) {
  return torch::layer_norm(x, {x.size(-1)}, scale, shift, eps);
}

}  // namespace

torch::Tensor embed_tokens(const torch::Tensor& ids, const torch::Tensor& positions, const AlbertWeights& w,
                           double eps) {
  const torch::Tensor sum = w.words.index_select(0, ids) + w.positions.index_select(0, positions) + w.types[0];
  return norm(sum, w.embedding_scale, w.embedding_shift, eps);
}

PackedQuestions pack_questions(const torch::Tensor& ids, const torch::Tensor& lengths, const AlbertOptions& options) {
  TORCH_CHECK(
      ids.dim() == 2 && ids.scalar_type() == torch::kInt64 && lengths.dim() == 1 && lengths.size(0) == ids.size(0),
      "ids (Q, T) int64, lengths (Q)");
  PackedQuestions questions(lengths, ids.size(1));
  for (int64_t q = 0; q < questions.count(); ++q)
    data::check_range("lengths", questions.length(q), 1, options.positions);
  if (ids.device().is_cpu() && questions.rows() > 0) {
    const auto [least, most] = pack(ids, questions).aminmax();
    for (const torch::Tensor& id : {least, most})
      data::check_range("ids", id.item<int64_t>(), 0, options.vocabulary_size - 1);
  }
  return questions;
}

torch::Tensor run_albert(const torch::Tensor& ids, const PackedQuestions& questions, const AlbertWeights& weights,
                         const AlbertOptions& options) {
  const double eps = options.layer_norm_eps;
  const torch::Tensor embedded =
      embed_tokens(pack(ids, questions), questions.positions().to(ids.device()), weights, eps);
  torch::Tensor x = torch::linear(embedded, weights.widening, weights.widening_bias);  // (N, D)
  for (int64_t layer = 0; layer < options.layers; ++layer) {
    for (int64_t inner = 0; inner < options.inner_layers; ++inner) {
      const AlbertLayerWeights& w = weights.of_layer(layer, inner, options);
      const torch::Tensor qkv = torch::linear(x, w.projection, w.projection_bias);
      const torch::Tensor attended =
          torch::linear(packed_attention(qkv, questions, options.heads), w.output, w.output_bias);
      x = norm(attended + x, w.attention_scale, w.attention_shift, eps);
      const torch::Tensor hidden = activate(torch::linear(x, w.inner, w.inner_bias), options.activation);
      x = norm(torch::linear(hidden, w.outer, w.outer_bias) + x, w.feed_forward_scale, w.feed_forward_shift, eps);
    }
  }
  return unpack(x, questions);
}

}  // namespace text
