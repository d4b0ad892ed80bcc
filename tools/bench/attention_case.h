// One layer of attention with something to attend to, ready to be run again and again.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "fusion/attention.h"

namespace bench {

struct AttentionSetting {
  std::string kind = "dba";  // of fusion::attention_kinds(), or kPlain
  int64_t dim = 512;         // D
  int64_t heads = 8;
  int64_t length = 608;   // n
  bool training = false;  // with gradients of the input, the state and the weights
  torch::ScalarType type = torch::kFloat32;
};

/// Softmax attention as its formula is written: scores, softmax and product one after the other, each n x n a head.
inline constexpr const char* kPlain = "plain";

/// Self-attention over one sequence of random numbers, nothing padded, nothing dropped out.
class AttentionCase {
 public:
  explicit AttentionCase(const AttentionSetting& setting);

  /// Output or gradients, which go again.
  void run();

  /// Without gradients: (1, n, D).
  torch::Tensor output();

  /// Of sum(output * g) for a fixed random g: of the input, of the state if there is one, of the weights in their
  /// order.
  std::vector<torch::Tensor> gradients();

  fusion::AttentionImpl& layer() { return *layer_; }
  const torch::Tensor& x() const { return x_; }          // (1, n, D)
  const torch::Tensor& state() const { return state_; }  // (1, d_p, D); undefined where the kind has none
  const torch::Tensor& g() const { return g_; }          // (1, n, D)

 private:
  AttentionSetting setting_;
  std::shared_ptr<fusion::AttentionImpl> layer_;
  torch::Tensor x_, state_, g_;
};

}  // namespace bench
