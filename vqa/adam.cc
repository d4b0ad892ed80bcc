#include "vqa/adam.h"

#include <stdexcept>

namespace vqa {

Adam::Adam(const torch::nn::Module& module, const AdamOptions& options, const ScaledRate& scaled) : options_(options) {
  for (const auto& item : module.named_parameters()) {
    const torch::Tensor& parameter = item.value();
    if (!parameter.requires_grad()) continue;
    moments_.push_back({item.key(), parameter, torch::zeros_like(parameter), torch::zeros_like(parameter),
                        torch::zeros({}, parameter.options().dtype(torch::kFloat32).requires_grad(false)),
                        item.key().starts_with(scaled.prefix) ? scaled.factor : 1});
    factors_.insert(moments_.back().factor);
  }
}

void Adam::zero_grad() {
  for (Moments& each : moments_) each.parameter.mutable_grad() = torch::Tensor();
}

std::vector<torch::Tensor> Adam::gradients() const {
  std::vector<torch::Tensor> all;
  for (const Moments& each : moments_) {
    if (each.parameter.grad().defined()) all.push_back(each.parameter.grad());
  }
  return all;
}

torch::Tensor Adam::clip_gradients(double limit) {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> all = gradients();
  const torch::Tensor norm = torch::stack(at::_foreach_norm(all)).norm();
  if (limit > 0) at::_foreach_mul_(all, (limit / (norm + 1e-6)).clamp_max(1.0));
  return norm;
}

void Adam::step(double learning_rate) {
  for (const double factor : factors_) step(factor, learning_rate * factor);
}

void Adam::step(double factor, double learning_rate) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parameters, all_gradients, means, squares, steps;
  for (const Moments& each : moments_) {
    if (each.factor != factor || !each.parameter.grad().defined()) continue;
    parameters.push_back(each.parameter);
    all_gradients.push_back(each.parameter.grad());
    means.push_back(each.mean);
    squares.push_back(each.square);
    steps.push_back(each.steps);
  }
  if (parameters.empty()) return;
  at::_foreach_add_(steps, 1);
  at::_fused_adam_(parameters, all_gradients, means, squares, {}, steps, learning_rate, options_.beta1, options_.beta2,
                   /*weight_decay=*/0.0, options_.eps, /*amsgrad=*/false, /*maximize=*/false);
}

void Adam::save(data::TensorFile& file) const {
  for (const Moments& each : moments_) {
    file.tensors["adam.mean." + each.name] = each.mean;
    file.tensors["adam.square." + each.name] = each.square;
    file.tensors["adam.steps." + each.name] = each.steps;
  }
}

void Adam::load(const data::TensorFile& file) {
  const torch::NoGradGuard no_grad;
  const auto take = [&](const torch::Tensor& into, const std::string& name) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) throw std::runtime_error("the training state lacks '" + name + "'");
    if (found->second.sizes() != into.sizes()) {
      throw std::runtime_error("the training state's '" + name + "' has another shape than the model's parameter");
    }
    into.copy_(found->second);
  };
  for (const Moments& each : moments_) {
    take(each.mean, "adam.mean." + each.name);
    take(each.square, "adam.square." + each.name);
    take(each.steps, "adam.steps." + each.name);
  }
}

}  // namespace vqa
