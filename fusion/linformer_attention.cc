#include "fusion/linformer_attention.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"
#include "fusion/dropout.h"
#include "fusion/head_matmul.h"
#include "fusion/slot_products.h"

namespace fusion {
namespace {

constexpr const char* kNone = "none";
constexpr const char* kHeadwise = "headwise";
constexpr const char* kKeyValue = "key-value";

}  // namespace

const std::vector<std::string>& linformer_sharings() {
  static const std::vector<std::string> all{kNone, kHeadwise, kKeyValue};
  return all;
}

void LinformerAttentionImpl::check(const AttentionOptions& options) {
  data::check_at_least("linformer-k", options.linformer_k, 1);
  data::check_at_least("max-length", options.max_length, 1);
  data::check_name("linformer-sharing", options.linformer_sharing, linformer_sharings());
}

LinformerAttentionImpl::LinformerAttentionImpl(const AttentionOptions& options) : options_(options) {
  query_ = register_module("query", torch::nn::Linear(options.dim, options.dim));
  key_ = register_module("key", torch::nn::Linear(options.dim, options.dim));
  value_ = register_module("value", torch::nn::Linear(options.dim, options.dim));
  out_ = register_module("out", torch::nn::Linear(options.dim, options.dim));
  key_map_ = register_parameter("key_map", make_map());
  if (options.linformer_sharing != kKeyValue) value_map_ = register_parameter("value_map", make_map());
}

torch::Tensor LinformerAttentionImpl::make_map() const {
  const int64_t maps = options_.linformer_sharing == kNone ? options_.heads : 1;
  // Unit deviation in, unit deviation out, for a sequence of full length.
  return torch::randn({maps, options_.linformer_k, options_.max_length}) /
         std::sqrt(static_cast<double>(options_.max_length));
}

AttentionOutput LinformerAttentionImpl::self(const Sequence& x, const torch::Tensor& state) {
  return cross(x, x, state);
}

AttentionOutput LinformerAttentionImpl::cross(const Sequence& queries, const Sequence& keys, const torch::Tensor&) {
  const int64_t n = keys.features.size(1);
  if (n > options_.max_length) {
    throw std::invalid_argument("linformer attention was built for at most " + std::to_string(options_.max_length) +
                                " positions, this sequence has " + std::to_string(n) +
                                "; build it with as great a max-length (of cells: max-cells)");
  }
  const Mixed for_keys = mix(key_map_, keys);
  const torch::Tensor k = project(for_keys, key_);                                                   // (B, h, k, d_h)
  const torch::Tensor v = project(value_map_.defined() ? mix(value_map_, keys) : for_keys, value_);  // (B, h, k, d_h)
  const bool over_slots =
      cheaper_over_slots(queries.features.size(1), {options_.dim, options_.heads, options_.linformer_k});
  const torch::Tensor weights = score(queries.features, k, over_slots).softmax(-1);  // (B, Tq, h, k)
  return {restore_slots(hashed_dropout(weights, options_.dropout, is_training()), v, out_, over_slots), {}};
}

LinformerAttentionImpl::Mixed LinformerAttentionImpl::mix(const torch::Tensor& map, const Sequence& keys) const {
  const int64_t batch = keys.features.size(0), maps = map.size(0);
  torch::Tensor e = map.narrow(-1, 0, keys.features.size(1)).flatten(0, 1).unsqueeze(0);  // (1, maps k, n)
  if (keys.padding.defined()) e = e.masked_fill(keys.padding.unsqueeze(1), 0);            // (B, maps k, n)
  const torch::Tensor rows = torch::bmm(e.expand({batch, -1, -1}), keys.features);        // (B, maps k, D)
  const auto by_map = [&](const torch::Tensor& x) { return x.unflatten(1, {maps, options_.linformer_k}); };
  return {by_map(rows), by_map(e.sum(-1, true))};
}

torch::Tensor LinformerAttentionImpl::project(const Mixed& mixed, const torch::nn::Linear& linear) const {
  if (mixed.rows.size(1) > 1) return project_slots(mixed.rows, mixed.row_sums, linear);
  const torch::Tensor product = torch::linear(mixed.rows.squeeze(1), linear->weight);  // (B, k, D)
  return split_heads(torch::addcmul(product, mixed.row_sums.squeeze(1), linear->bias), options_.heads);
}

torch::Tensor LinformerAttentionImpl::score(const torch::Tensor& queries, const torch::Tensor& k, bool over_slots) {
  const int64_t heads = options_.heads, d_h = options_.dim / heads;
  const torch::Tensor scaled = k / std::sqrt(static_cast<double>(d_h));  // (B, h, k, d_h)
  if (!over_slots) return head_matmul(split_heads(query_(queries), heads), scaled.transpose(2, 3)).transpose(1, 2);
  // (X A_q + b)_i K_i^T as X (A_q,i K_i^T) + b_i K_i^T.
  const torch::Tensor by_head = query_->weight.view({heads, d_h, options_.dim});
  const torch::Tensor folded = per_head(scaled, by_head).flatten(1, 2);  // (B, h k, D)
  const torch::Tensor shift =
      torch::matmul(scaled, query_->bias.view({heads, d_h, 1})).flatten(1).unsqueeze(1);  // (B, 1, h k)
  return torch::baddbmm(shift, queries, folded.transpose(1, 2)).unflatten(-1, {heads, options_.linformer_k});
}

}  // namespace fusion
