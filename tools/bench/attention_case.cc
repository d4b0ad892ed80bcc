#include "tools/bench/attention_case.h"

#include <cmath>

#include "fusion/head_matmul.h"

namespace bench {
namespace {

class PlainAttention : public fusion::AttentionImpl {
 public:
  explicit PlainAttention(const fusion::AttentionOptions& options) : heads_(options.heads) {
    const torch::nn::LinearOptions square(options.dim, options.dim);
    query_ = register_module("query", torch::nn::Linear(square));
    key_ = register_module("key", torch::nn::Linear(square));
    value_ = register_module("value", torch::nn::Linear(square));
    out_ = register_module("out", torch::nn::Linear(square));
  }

  fusion::AttentionOutput self(const fusion::Sequence& x, const torch::Tensor& state) override {
    return cross(x, x, state);
  }

  fusion::AttentionOutput cross(const fusion::Sequence& queries, const fusion::Sequence& keys,
                                const torch::Tensor&) override {
    const torch::Tensor q = fusion::split_heads(query_(queries.features), heads_);  // (B, h, Tq, d_h)
    const torch::Tensor k = fusion::split_heads(key_(keys.features), heads_);       // (B, h, Tk, d_h)
    const torch::Tensor v = fusion::split_heads(value_(keys.features), heads_);     // (B, h, Tk, d_h)
    const double scale = 1 / std::sqrt(static_cast<double>(q.size(3)));
    const torch::Tensor weights = torch::matmul(q * scale, k.transpose(2, 3)).softmax(-1);  // (B, h, Tq, Tk)
    return {out_(fusion::concat_heads(torch::matmul(weights, v))), {}};                     // (B, Tq, D)
  }

 private:
  int64_t heads_;
  torch::nn::Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};

std::shared_ptr<fusion::AttentionImpl> make_layer(const AttentionSetting& setting) {
  const fusion::AttentionOptions options{
      .kind = setting.kind, .dim = setting.dim, .heads = setting.heads, .max_length = setting.length, .dropout = 0};
  if (setting.kind == kPlain) return std::make_shared<PlainAttention>(options);
  return fusion::make_attention(options);
}

bool has_state(const std::string& kind) { return kind != kPlain && fusion::attention_kind(kind).has_state; }

}  // namespace

AttentionCase::AttentionCase(const AttentionSetting& setting) : setting_(setting), layer_(make_layer(setting)) {
  layer_->to(setting.type);
  layer_->train(setting.training);
  const auto options = torch::TensorOptions(setting.type);
  x_ = torch::randn({1, setting.length, setting.dim}, options).set_requires_grad(setting.training);
  if (has_state(setting.kind)) {
    state_ = fusion::initial_state({.kind = setting.kind, .dim = setting.dim, .heads = setting.heads});
    state_ = state_.unsqueeze(0).to(setting.type).set_requires_grad(setting.training);
  }
  g_ = torch::randn({1, setting.length, setting.dim}, options);
}

void AttentionCase::run() {
  if (setting_.training) {
    gradients();
  } else {
    output();
  }
}

torch::Tensor AttentionCase::output() {
  const torch::NoGradGuard no_grad;
  return layer_->self({x_, {}}, state_).features;
}

std::vector<torch::Tensor> AttentionCase::gradients() {
  std::vector<torch::Tensor> inputs{x_};
  if (state_.defined()) inputs.push_back(state_);
  for (const torch::Tensor& weight : layer_->parameters()) inputs.push_back(weight);
  return torch::autograd::grad({layer_->self({x_, {}}, state_).features}, inputs, {g_});
}

}  // namespace bench
