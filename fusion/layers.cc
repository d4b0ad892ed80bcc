#include "fusion/layers.h"

#include <stdexcept>

#include "data/settings.h"
#include "fusion/real_rows.h"

namespace fusion {

namespace {

torch::Tensor gelu_feed_forward(const torch::Tensor& x, const FeedForwardWeights& w, double p) {
  return feed_forward_by_operators(x, w, p, [](const torch::Tensor& inner) { return torch::gelu(inner); });
}

}  // namespace

const std::vector<Activation>& activations() {
  static const std::vector<Activation> all{{"relu", relu_feed_forward}, {"gelu", gelu_feed_forward}};
  return all;
}

void LayerOptions::validate() const {
  attention.validate();
  LayerNormOptions{.dim = attention.dim, .form = layer_norm}.validate();
  data::check_at_least("feed-forward", feed_forward, 1);
  data::find_named("activation", activation, activations());
}

namespace {

/// `x` with other features and with the state that its self-attention left, where it left one.
Encoded after(const Encoded& x, const AttentionOutput& attended, torch::Tensor features) {
  const Sequence sequence = x.sequence.with(std::move(features));
  return attended.state.defined() ? Encoded{sequence, attended.state} : Encoded{sequence, x.state, x.state_is_new};
}

}  // namespace

torch::Tensor add_penalties(const torch::Tensor& one, const torch::Tensor& other) {
  if (!one.defined()) return other;
  return other.defined() ? one + other : one;
}

FeedForwardImpl::FeedForwardImpl(const LayerOptions& options)
    : activation_(data::find_named("activation", options.activation, activations())), dropout_(options.dropout) {
  const int64_t dim = options.attention.dim;
  inner_ = register_module("inner", torch::nn::Linear(dim, options.feed_forward));
  outer_ = register_module("outer", torch::nn::Linear(options.feed_forward, dim));
}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  return activation_.feed_forward(x, {inner_->weight, inner_->bias, outer_->weight, outer_->bias},
                                  is_training() ? dropout_ : 0);
}

EncoderLayerImpl::EncoderLayerImpl(const LayerOptions& options) : dropout_(options.dropout) {
  const LayerNormOptions norm{.dim = options.attention.dim, .form = options.layer_norm};
  attention_ = register_module("attention", make_attention(options.attention));
  feed_forward_ = register_module("feed_forward", FeedForward(options));
  norm1_ = register_module("norm1", LayerNorm(norm));
  norm2_ = register_module("norm2", LayerNorm(norm));
}

Encoded EncoderLayerImpl::forward(const Encoded& x) {
  const AttentionOutput attended = attention_->self(x.sequence, x.state);
  const torch::Tensor y = norm1_->after(x.sequence.features, attended.features, dropout_);  // (B, T, D)
  return after(x, attended, on_real_rows(x.sequence.with(y), [&](const torch::Tensor& rows) {
                 return norm2_->after(rows, feed_forward_(rows), dropout_);
               }));
}

DecoderLayerImpl::DecoderLayerImpl(const LayerOptions& options, const AttentionOptions& cross)
    : dropout_(options.dropout) {
  const LayerNormOptions norm{.dim = options.attention.dim, .form = options.layer_norm};
  self_attention_ = register_module("self_attention", make_attention(options.attention));
  cross_attention_ = register_module("cross_attention", make_attention(cross));
  feed_forward_ = register_module("feed_forward", FeedForward(options));
  norm1_ = register_module("norm1", LayerNorm(norm));
  norm2_ = register_module("norm2", LayerNorm(norm));
  norm3_ = register_module("norm3", LayerNorm(norm));
}

Encoded DecoderLayerImpl::self(const Encoded& x) {
  const AttentionOutput attended = self_attention_->self(x.sequence, x.state);
  return after(x, attended, norm1_->after(x.sequence.features, attended.features, dropout_));
}

Encoded DecoderLayerImpl::guided(const Encoded& x, const Encoded& guide) {
  const torch::Tensor state =
      guide.state_is_new ? cross_attention_->compress(guide.sequence, guide.state) : guide.state;
  const AttentionOutput attended = cross_attention_->cross(x.sequence, guide.sequence, state);
  const torch::Tensor y = norm2_->after(x.sequence.features, attended.features, dropout_);  // (B, T, D)
  const torch::Tensor out = on_real_rows(x.sequence.with(y), [&](const torch::Tensor& rows) {
    return norm3_->after(rows, feed_forward_(rows), dropout_);
  });
  // The state handed on stays that of the self-attention: the next layer's Z compresses the same sequence.
  return {x.sequence.with(out), x.state, x.state_is_new};
}

}  // namespace fusion
