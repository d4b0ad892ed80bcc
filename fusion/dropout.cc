#include "fusion/dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <mutex>
#include <stdexcept>
#include <string>

#include "data/vector_clones.h"
#include "fusion/dropout_mask.h"

namespace fusion {
namespace {

constexpr int64_t kGrain = 1 << 15;  // elements a thread takes at least

/// out = x * mask.
VQA_VECTOR_CLONES void apply(const float* x, float* out, uint32_t begin, uint32_t count, DropoutMask mask) {
  for (uint32_t i = 0; i < count; ++i) out[i] = x[i] * mask.factor(begin + i);
}

torch::Tensor masked(const torch::Tensor& x, const DropoutMask& mask) {
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
    const DropoutMask mask = DropoutMask::of(static_cast<uint32_t>(seed), p);
    context->saved_data["seed"] = seed;
    context->saved_data["p"] = p;
    return masked(x, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto seed = static_cast<uint32_t>(context->saved_data["seed"].toInt());
    const DropoutMask mask = DropoutMask::of(seed, context->saved_data["p"].toDouble());
    return {masked(gradients[0], mask), torch::Tensor(), torch::Tensor()};
  }
};

}  // namespace

uint32_t draw_dropout_seed() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random();
}

torch::Tensor hashed_dropout(const torch::Tensor& x, double p, bool training) {
  if (!(p >= 0 && p < 1)) {
    throw std::invalid_argument("dropout: " + std::to_string(p) + "; allowed is 0 up to but not including 1");
  }
  if (!training || p == 0) return x;
  if (!x.device().is_cpu() || x.scalar_type() != torch::kFloat32) return torch::dropout(x, p, true);
  return HashedDropout::apply(x, static_cast<int64_t>(draw_dropout_seed()), p);
}

}  // namespace fusion
