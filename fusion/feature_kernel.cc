#include "fusion/feature_kernel.h"

#include <algorithm>
#include <cmath>

#include "data/settings.h"
#include "fusion/dropout.h"

namespace fusion {
namespace {

using Gate = FeatureKernelForm::Gate;

torch::Tensor orthogonal_matrices(int64_t heads, int64_t d_h) {
  torch::Tensor all = torch::empty({heads, d_h, d_h});
  for (int64_t i = 0; i < heads; ++i) torch::nn::init::orthogonal_(all[i]);
  return all;
}

torch::Tensor gate_matrices(int64_t heads, int64_t rows, int64_t columns) {
  return torch::randn({heads, rows, columns}) * std::sqrt(2.0 / static_cast<double>(rows));
}

}  // namespace

const std::vector<FeatureKernelForm>& feature_kernel_forms() {
  static const std::vector<FeatureKernelForm> all{
      {"linear", Gate::kNone}, {"glu", Gate::kFull}, {"low-rank-glu", Gate::kLowRank}};
  return all;
}

FeatureKernelImpl::FeatureKernelImpl(const AttentionOptions& options)
    : gate_(data::find_named("kernel", options.kernel, feature_kernel_forms()).gate), dropout_(options.dropout) {
  const int64_t heads = options.heads, d_h = options.dim / heads;
  const int64_t rank = gate_ == Gate::kLowRank ? std::max<int64_t>(1, d_h / 4) : d_h;
  for (int64_t i = 0; i < options.kernel_depth; ++i) {
    const std::string layer = std::to_string(i);
    weights_.push_back(register_parameter("weight" + layer, orthogonal_matrices(heads, d_h)));
    if (gate_ == Gate::kNone) continue;
    gates_.push_back(register_parameter("gate" + layer, gate_matrices(heads, d_h, rank)));
    if (gate_ == Gate::kLowRank)
      gates_out_.push_back(register_parameter("gate_out" + layer, gate_matrices(heads, rank, d_h)));
  }
}

torch::Tensor FeatureKernelImpl::forward(const torch::Tensor& x) {
  torch::Tensor y = x;
  for (size_t i = 0; i < weights_.size(); ++i) {
    auto [product, gate] = products(hashed_dropout(y, dropout_, is_training()), i);
    y = i + 1 < weights_.size() ? product : torch::softplus(product);
    if (gate.defined()) y = y * gate.sigmoid();
  }
  return y;
}

std::pair<torch::Tensor, torch::Tensor> FeatureKernelImpl::products(const torch::Tensor& x, size_t layer) const {
  const torch::Tensor& w = weights_[layer];
  if (gate_ == Gate::kNone) return {torch::bmm(x, w), {}};
  // W and U read the same rows: one product.
  const torch::Tensor both = torch::bmm(x, torch::cat({w, gates_[layer]}, 2));
  const auto parts = both.split_with_sizes({w.size(2), gates_[layer].size(2)}, 2);
  return {parts[0], gate_ == Gate::kFull ? parts[1] : torch::bmm(parts[1], gates_out_[layer])};
}

torch::Tensor FeatureKernelImpl::penalty() const {
  torch::Tensor sum = torch::zeros({}, weights_.front().options());
  for (const torch::Tensor& w : weights_) {
    const torch::Tensor identity = torch::eye(w.size(1), w.options());
    sum = sum + (torch::bmm(w, w.transpose(1, 2)) - identity).square().mean();
  }
  return sum;
}

}  // namespace fusion
