// The layers that MCAN stacks: attention and a feed-forward block, each with a residual and a norm after it.
#pragma once

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

#include "fusion/attention.h"
#include "fusion/layer_norm.h"
#include "fusion/relu_feed_forward.h"

namespace fusion {

/// What a feed-forward block has between its two linear layers, and how it is computed with dropout's probability p.
struct Activation {
  const char* name;
  torch::Tensor (*feed_forward)(const torch::Tensor& x, const FeedForwardWeights& weights, double p);
};

/// Every activation there is.
const std::vector<Activation>& activations();

struct LayerOptions {
  AttentionOptions attention;
  int64_t feed_forward = 2048;          // inner width of the feed-forward block
  std::string activation = "gelu";      // a name from activations()
  std::string layer_norm = "standard";  // a form from layer_norm_forms()
  double dropout = 0.1;                 // on residual branches and inside the feed-forward block

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
};

/// A sequence and the attention state that its last self-attention left.
struct Encoded {
  Sequence sequence;
  torch::Tensor state;        // (B, d_p, D); undefined where no kind asks for one
  bool state_is_new = false;  // the state is a stack's first and holds nothing of the sequence yet
};

/// The sum of two scalars of which either may be undefined.
torch::Tensor add_penalties(const torch::Tensor& one, const torch::Tensor& other);

/// Linear, activation, dropout, linear: (..., D) -> (..., D).
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(const LayerOptions& options);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  const Activation& activation_;
  double dropout_;
  torch::nn::Linear inner_{nullptr}, outer_{nullptr};
};
TORCH_MODULE(FeedForward);

/// MCAN's SA unit, and the DBA authors' encoder layer: x = norm(x + attention(x)), x = norm(x + feed_forward(x)).
class EncoderLayerImpl : public torch::nn::Module {
 public:
  explicit EncoderLayerImpl(const LayerOptions& options);
  Encoded forward(const Encoded& x);

  AttentionImpl& attention() { return *attention_; }
  torch::Tensor penalty() const { return attention_->penalty(); }

 private:
  double dropout_;
  std::shared_ptr<AttentionImpl> attention_;
  FeedForward feed_forward_{nullptr};
  LayerNorm norm1_{nullptr}, norm2_{nullptr};
};
TORCH_MODULE(EncoderLayer);

/// MCAN's SGA unit: self-attention, attention to a guide, feed-forward. It runs in two halves, because the first half
/// of a stack's first layer does not depend on the guide and is done once per image, not once per question.
class DecoderLayerImpl : public torch::nn::Module {
 public:
  /// `cross`: of the attention to the guide.
  DecoderLayerImpl(const LayerOptions& options, const AttentionOptions& cross);
  Encoded self(const Encoded& x);
  Encoded guided(const Encoded& x, const Encoded& guide);

  /// Of its self- and of its cross-attention.
  torch::Tensor penalty() const { return add_penalties(self_attention_->penalty(), cross_attention_->penalty()); }

 private:
  double dropout_;
  std::shared_ptr<AttentionImpl> self_attention_, cross_attention_;
  FeedForward feed_forward_{nullptr};
  LayerNorm norm1_{nullptr}, norm2_{nullptr}, norm3_{nullptr};
};
TORCH_MODULE(DecoderLayer);

}  // namespace fusion
