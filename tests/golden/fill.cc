#include "tests/golden/fill.h"

#include <cmath>

namespace golden {
namespace {

uint32_t fnv1a(const std::string& text) {
  uint32_t hash = 2166136261u;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 16777619u;
  return hash;
}

uint32_t mix(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  return x ^ (x >> 16);
}

}  // namespace

torch::Tensor uniform(const std::string& name, at::IntArrayRef shape, uint32_t salt) {
  torch::Tensor values = torch::empty(shape, torch::kFloat32);
  const uint32_t start = fnv1a(name) + salt * 0x9E3779B9u;
  auto* value = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    const uint32_t x = mix(static_cast<uint32_t>(i) * 2654435761u + start);
    value[i] = static_cast<float>(x >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

torch::Tensor fill(const std::string& name, at::IntArrayRef shape, uint32_t salt) {
  const torch::Tensor u = uniform(name, shape, salt);
  const std::string leaf = name.substr(name.rfind('.') + 1);
  if (leaf == "running_var") return 1 + u;
  if (leaf == "running_mean") return 0.2f * u;
  if (shape.size() >= 2) {
    const double fan_in = static_cast<double>(u.numel()) / static_cast<double>(shape[0]);
    return u * static_cast<float>(std::sqrt(12.0 / fan_in));
  }
  if (leaf == "weight" || leaf == "a_2" || leaf == "gamma") return 0.5f + 0.25f * u;
  return 0.1f * u;
}

void fill_module(torch::nn::Module& module, uint32_t salt,
                 const std::function<std::string(const std::string&)>& published_name) {
  const torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters())
    item.value().copy_(fill(published_name(item.key()), item.value().sizes(), salt));
  for (auto& item : module.named_buffers()) {
    if (item.value().is_floating_point())
      item.value().copy_(fill(published_name(item.key()), item.value().sizes(), salt));
  }
}

}  // namespace golden
