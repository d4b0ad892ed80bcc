#include "fusion/dba_attention.h"

#include <cmath>

#include "data/settings.h"
#include "fusion/head_matmul.h"
#include "fusion/slot_products.h"

namespace fusion {
namespace {

// Of A_o's initial weights; those of the other products around C are 1: unit deviation in, unit deviation out. The norm
// before A_o gives Y unit deviation however alike its rows are: at full scale the same few rows, restored at every
// position, drown what the residual beside them says of each.
constexpr double kOutputGain = 0.2;

}  // namespace

void DbaAttentionImpl::check(const AttentionOptions& options) {
  // More rows than the width has are not independent of each other (section 3.1 of the paper).
  if (options.d_p < 1 || options.d_p > options.dim)
    data::refuse_value("d-p", options.d_p, "1 to dim " + std::to_string(options.dim));
  if (options.d_in < 1 || options.d_in % options.heads != 0)
    data::refuse_value("d-in", options.d_in, "a positive multiple of heads " + std::to_string(options.heads));
}

DbaAttentionImpl::DbaAttentionImpl(const AttentionOptions& options) : options_(options) {
  const int64_t dim = options.dim, d_in = options.d_in;
  pq_ = register_module("pq", torch::nn::Linear(dim, d_in));
  pk_ = register_module("pk", torch::nn::Linear(dim, d_in));
  pv_ = register_module("pv", torch::nn::Linear(dim, dim));
  q_ = register_module("q", torch::nn::Linear(dim, d_in));
  k_ = register_module("k", torch::nn::Linear(dim, d_in));
  v_ = register_module("v", torch::nn::Linear(dim, dim));
  len_ = register_module("len", torch::nn::Linear(dim, options.heads * options.d_p));
  out_ = register_module("out", torch::nn::Linear(dim, dim));
  norm_ = register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({dim})));
  const torch::NoGradGuard no_grad;
  for (const torch::nn::Linear& linear : {pq_, pk_, pv_, q_, k_, v_, out_}) {
    const double gain = linear.get() == out_.get() ? kOutputGain : 1;
    torch::nn::init::normal_(linear->weight, 0, gain / std::sqrt(static_cast<double>(dim)));
    torch::nn::init::zeros_(linear->bias);
  }
}

AttentionOutput DbaAttentionImpl::self(const Sequence& x, const torch::Tensor& state) {
  return attend(x, state, /*keys_are_z=*/false);
}

AttentionOutput DbaAttentionImpl::cross(const Sequence& queries, const Sequence&, const torch::Tensor& state) {
  return attend(queries, state, /*keys_are_z=*/true);
}

AttentionOutput DbaAttentionImpl::attend(const Sequence& x, const torch::Tensor& z, bool keys_are_z) {
  require_state(options_, z);
  const Weights w = weights(x, z);
  const torch::Tensor c = gather(w.compress, x.features);  // (B, d_p, D)
  const torch::Tensor y = mix(c, keys_are_z ? z : c);      // (B, d_p, D)
  return {restore(w.restore, y), c};
}

DbaAttentionImpl::Weights DbaAttentionImpl::weights(const Sequence& x, const torch::Tensor& z) {
  const int64_t heads = options_.heads, d_p = options_.d_p;
  // A_pk and A_len read the same rows: one product.
  const torch::Tensor projected =
      torch::linear(x.features, torch::cat({pk_->weight, len_->weight}), torch::cat({pk_->bias, len_->bias}));
  const auto parts = projected.split_with_sizes({options_.d_in, heads * d_p}, -1);
  return {compress_weights(parts[0], x.padding, z),
          drop(parts[1].unflatten(-1, {heads, d_p}).softmax(-1))};  // (B, n, h, d_p)
}

torch::Tensor DbaAttentionImpl::compress_weights(const torch::Tensor& keys, const torch::Tensor& padding,
                                                 const torch::Tensor& z) {
  const int64_t heads = options_.heads;
  const torch::Tensor scores = head_matmul(split_heads(pq_(z) * score_scale(), heads),
                                           split_heads(keys, heads).transpose(2, 3));  // (B, h, d_p, n)
  const torch::Tensor padded = padding.defined() ? padding.unsqueeze(1).unsqueeze(1) : padding;
  return drop(mask_scores(scores, padded).softmax(-1));
}

torch::Tensor DbaAttentionImpl::compress(const Sequence& x, const torch::Tensor& z) {
  require_state(options_, z);
  return gather(compress_weights(pk_(x.features), x.padding, z), x.features);
}

torch::Tensor DbaAttentionImpl::gather(const torch::Tensor& w, const torch::Tensor& x) {
  const int64_t heads = options_.heads;
  if (!reassociates(x.size(1))) return concat_heads(head_matmul(w, split_heads(pv_(x), heads), HeadOrder::kRowsFirst));
  const torch::Tensor wx = torch::bmm(w.flatten(1, 2), x).unflatten(1, {heads, options_.d_p});  // (B, h, d_p, D)
  // The rows of W sum to one, except under dropout.
  const torch::Tensor row_sums = is_training() ? w.sum(-1, true) : torch::ones({1}, w.options());
  return concat_heads(project_slots(wx, row_sums, pv_));  // (B, d_p, D)
}

torch::Tensor DbaAttentionImpl::mix(const torch::Tensor& c, const torch::Tensor& keys) {
  const int64_t heads = options_.heads;
  const torch::Tensor q = split_heads(q_(c) * score_scale(), heads);                                // (B, h, d_p, r)
  const torch::Tensor k = split_heads(k_(keys), heads);                                             // (B, h, d_p, r)
  const torch::Tensor p = drop(head_matmul(q, k.transpose(2, 3)).softmax(-1));                      // (B, h, d_p, d_p)
  return norm_(concat_heads(head_matmul(p, split_heads(v_(keys), heads), HeadOrder::kRowsFirst)));  // (B, d_p, D)
}

torch::Tensor DbaAttentionImpl::restore(const torch::Tensor& w, const torch::Tensor& y) {
  return restore_slots(w, split_heads(y, options_.heads), out_, reassociates(w.size(1)));
}

double DbaAttentionImpl::score_scale() const {
  return 1 / std::sqrt(static_cast<double>(options_.d_in / options_.heads));
}

bool DbaAttentionImpl::reassociates(int64_t n) const {
  if (order_ != ProductOrder::kCheapest) return order_ == ProductOrder::kReassociated;
  return cheaper_over_slots(n, {options_.dim, options_.heads, options_.d_p});
}

}  // namespace fusion
