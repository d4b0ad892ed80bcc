#include "fusion/dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <stdexcept>
#include <string>

#include "data/vector_clones.h"

namespace fusion {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements a thread takes at least

/// What makes a mask: which elements, of a float's 2^32 hash values, are kept, and their scale.
struct Mask {
  uint32_t seed = 0;
  uint32_t dropped = 0;  // hashes below this are zeroed
  float scale = 1;
};

/// out = x * mask. The hash is Chris Wellons's `lowbias32` over the index, offset by the seed.
VQA_VECTOR_CLONES void apply(const float* x, float* out, uint32_t begin, uint32_t count, Mask mask) {
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t h = (begin + i) * 0x9E3779B1u ^ mask.seed;
    h ^= h >> 16;
    h *= 0x7FEB352Du;
    h ^= h >> 15;
    h *= 0x846CA68Bu;
    h ^= h >> 16;
    out[i] = h < mask.dropped ? 0.0F : x[i] * mask.scale;
  }
}

torch::Tensor masked(const torch::Tensor& x, const Mask& mask) {
  const torch::Tensor in = x.contiguous();
  torch::Tensor out = torch::empty_like(in);
  const auto* from = in.const_data_ptr<float>();
  auto* to = out.mutable_data_ptr<float>();
  at::parallel_for(0, in.numel(), kGrain, [&](int64_t begin, int64_t end) {
    apply(from + begin, to + begin, static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin), mask);
  });
  return out;
}

struct HashedDropout : torch::autograd::Function<HashedDropout> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, int64_t seed,
                               double p) {
    const Mask mask = make_mask(seed, p);
    context->saved_data["seed"] = seed;
    context->saved_data["p"] = p;
    return masked(x, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const Mask mask = make_mask(context->saved_data["seed"].toInt(), context->saved_data["p"].toDouble());
    return {masked(gradients[0], mask), torch::Tensor(), torch::Tensor()};
  }

  static Mask make_mask(int64_t seed, double p) {
    const double below = std::min(std::round(p * 0x1p32), 0x1p32 - 1);
    return {static_cast<uint32_t>(seed), static_cast<uint32_t>(below), static_cast<float>(1 / (1 - p))};
  }
};

uint32_t draw_seed() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random();
}

}  // namespace

torch::Tensor hashed_dropout(const torch::Tensor& x, double p, bool training) {
  if (!(p >= 0 && p < 1)) {
    throw std::invalid_argument("dropout: " + std::to_string(p) + "; allowed is 0 up to but not including 1");
  }
  if (!training || p == 0) return x;
  if (!x.device().is_cpu() || x.scalar_type() != torch::kFloat32) return torch::dropout(x, p, true);
  return HashedDropout::apply(x, static_cast<int64_t>(draw_seed()), p);
}

}  // namespace fusion
