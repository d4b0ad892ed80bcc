// The optimizer.
#pragma once

#include <torch/torch.h>

#include <set>
#include <string>
#include <vector>

#include "data/tensor_file.h"
#include "vqa/config.h"

namespace vqa {

/// A rate of their own for some parameters.
struct ScaledRate {
  std::string prefix = {};  // of their names
  double factor = 1;        // of the learning rate
};

/// Adam (Kingma and Ba 2015, algorithm 1) over a module's trainable parameters, through LibTorch's fused kernel. Its
/// moments have the parameters' names, so that they can be saved beside them.
class Adam {
 public:
  /// Parameters whose names begin with `scaled.prefix` learn at the rate times `scaled.factor`.
  Adam(const torch::nn::Module& module, const AdamOptions& options, const ScaledRate& scaled = {});

  /// Forgets the gradients.
  void zero_grad();

  /// Scales the gradients so that their norm over all parameters is at most `limit`; 0 for no limit. Returns the norm
  /// before, a scalar on the parameters' device.
  torch::Tensor clip_gradients(double limit);

  /// One update; parameters without a gradient stay.
  void step(double learning_rate);

  /// The moments and counters as "adam.mean.NAME", "adam.square.NAME" and "adam.steps.NAME".
  void save(data::TensorFile& file) const;

  /// The inverse. Throws std::runtime_error naming the tensor that is missing or has another shape.
  void load(const data::TensorFile& file);

 private:
  struct Moments {
    std::string name;
    torch::Tensor parameter, mean, square;
    torch::Tensor steps;  // () float32: the kernel's own form
    double factor = 1;    // of the learning rate
  };
  std::vector<torch::Tensor> gradients() const;
  void step(double factor, double learning_rate);

  AdamOptions options_;
  std::vector<Moments> moments_;
  std::set<double> factors_;  // of all moments
};

}  // namespace vqa
