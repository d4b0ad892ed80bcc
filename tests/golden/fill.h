// Deterministic weights, so that a golden file holds outputs alone: any program can make the same weights from a
// parameter's name, its shape and a salt.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <functional>
#include <string>

namespace golden {

/// Uniform numbers in [-0.5, 0.5): element i is a 32-bit hash of i, `name` (FNV-1a) and `salt`.
torch::Tensor uniform(const std::string& name, at::IntArrayRef shape, uint32_t salt);

/// The weight called `name`: `uniform` scaled by the rule for its kind (running statistics, matrices of variance
/// 1 / fan_in, scales around 0.5, biases).
torch::Tensor fill(const std::string& name, at::IntArrayRef shape, uint32_t salt);

/// Fills every parameter and buffer of `module`; `published_name` turns a name of ours into the published one. Integer
/// buffers (batch norm's counter) stay.
void fill_module(
    torch::nn::Module& module, uint32_t salt,
    const std::function<std::string(const std::string&)>& published_name = [](const std::string& n) { return n; });

}  // namespace golden
