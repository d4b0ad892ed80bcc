#include "fusion/dba_attention.h"

#include <cmath>

#include "data/settings.h"
#include "fusion/head_matmul.h"
#include "fusion/kernel_inputs.h"
#include "fusion/restore_rows.h"
#include "fusion/slot_products.h"
#include "fusion/slot_queries.h"

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
  if (!reassociates(x.size())) return attend_literally(x, z, keys_are_z);
  const torch::Tensor lengths = x.lengths();
  const Compressed compressed = compress_all(x, lengths, z, len_->weight);
  // Once for each of d_p slots in place of once for each of n rows; the kernels of a GPU add it as they go.
  const bool bias_in_slots = dropout() == 0 && takes_floats(x.features);
  const Mixed slots = mix_slots({.mixed = compressed.mixed,
                                 .row_sums = row_sums(compressed),
                                 .keys = keys_are_z ? z : torch::Tensor(),
                                 .dropout = dropout(),
                                 .adds_bias = bias_in_slots},
                                mix_weights());
  return {restore_rows({.projected = compressed.projected,
                        .lengths = lengths,
                        .bias = len_->bias,
                        .slots = slots.slots,
                        .out_bias = bias_in_slots ? torch::Tensor() : out_->bias,
                        .dropout = dropout()}),
          slots.c};
}

AttentionOutput DbaAttentionImpl::attend_literally(const Sequence& x, const torch::Tensor& z, bool keys_are_z) {
  const int64_t heads = options_.heads, d_p = options_.d_p;
  // A_pk and A_len read the same rows: one product.
  const torch::Tensor projected =
      torch::linear(x.features, torch::cat({pk_->weight, len_->weight}), torch::cat({pk_->bias, len_->bias}));
  const auto parts = projected.split_with_sizes({options_.d_in, heads * d_p}, -1);
  const torch::Tensor c = gather(parts[0], x, z);
  const torch::Tensor y = mix_by_definition(c, keys_are_z ? z : c, mix_weights(), heads, dropout());  // (B, d_p, D)
  const torch::Tensor w = drop(parts[1].unflatten(-1, {heads, d_p}).softmax(-1));  // W', (B, n, h, d_p)
  const torch::Tensor rows = head_matmul(w.transpose(1, 2), split_heads(y, heads), HeadOrder::kRowsFirst);
  return {out_(concat_heads(rows)), c};  // (B, n, D)
}

torch::Tensor DbaAttentionImpl::gather(const torch::Tensor& keys, const Sequence& x, const torch::Tensor& z) {
  const int64_t heads = options_.heads;
  const torch::Tensor queries = slot_queries(z, pq_, heads);  // (B, h, d_p, r)
  const torch::Tensor scores = head_matmul(split_heads(keys, heads), queries.transpose(2, 3), HeadOrder::kRowsFirst);
  const torch::Tensor padding = x.padding.defined() ? x.padding.unsqueeze(1).unsqueeze(-1) : x.padding;
  const torch::Tensor w = mask_scores(scores, padding).softmax(2);                                     // (B, h, n, d_p)
  const torch::Tensor kept = drop(w.transpose(1, 2)).permute({0, 2, 3, 1});                            // (B, h, d_p, n)
  return concat_heads(head_matmul(kept, split_heads(pv_(x.features), heads), HeadOrder::kRowsFirst));  // (B, d_p, D)
}

Compressed DbaAttentionImpl::compress_all(const Sequence& x, const torch::Tensor& lengths, const torch::Tensor& z,
                                          const torch::Tensor& beside) {
  return compress_rows({.x = x.features,
                        .lengths = lengths,
                        .queries = slot_queries(z, pq_, options_.heads),
                        .weight = pk_->weight,
                        .bias = pk_->bias,
                        .beside = beside,
                        .dropout = dropout()});
}

torch::Tensor DbaAttentionImpl::row_sums(const Compressed& compressed) const {
  return dropout() > 0 ? compressed.row_sums : torch::Tensor();
}

torch::Tensor DbaAttentionImpl::compress(const Sequence& x, const torch::Tensor& z) {
  require_state(options_, z);
  if (!reassociates(x.size())) return gather(pk_(x.features), x, z);
  const Compressed compressed = compress_all(x, x.lengths(), z, {});
  return concat_heads(project_slots(compressed.mixed, row_sums(compressed), pv_));
}

MixWeights DbaAttentionImpl::mix_weights() const { return {pv_, q_, k_, v_, norm_, out_}; }

bool DbaAttentionImpl::reassociates(int64_t n) const {
  if (order_ != ProductOrder::kCheapest) return order_ == ProductOrder::kReassociated;
  return cheaper_over_slots(n, {options_.dim, options_.heads, options_.d_p});
}

}  // namespace fusion
