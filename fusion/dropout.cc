#include "fusion/dropout.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <mutex>

#include "data/vector_clones.h"
#include "fusion/kernel_inputs.h"

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
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x, double p) {
    const DropoutMask mask = draw_dropout_mask(p);
    save_mask(*context, mask);
    return masked(x, mask);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    return {masked(gradients[0], saved_mask(*context)), torch::Tensor()};
  }
};

}  // namespace

uint32_t draw_dropout_seed() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random();
}

DropoutMask draw_dropout_mask(double p) { return DropoutMask::of(p > 0 ? draw_dropout_seed() : 0, p); }

void save_mask(torch::autograd::AutogradContext& context, const DropoutMask& mask) {
  context.saved_data["mask seed"] = static_cast<int64_t>(mask.seed);
  context.saved_data["mask dropped"] = static_cast<int64_t>(mask.dropped);
  context.saved_data["mask scale"] = static_cast<double>(mask.scale);
}

DropoutMask saved_mask(const torch::autograd::AutogradContext& context) {
  const auto& data = context.saved_data;
  return {static_cast<uint32_t>(data.at("mask seed").toInt()), static_cast<uint32_t>(data.at("mask dropped").toInt()),
          static_cast<float>(data.at("mask scale").toDouble())};
}

torch::Tensor hashed_dropout(const torch::Tensor& x, double p, bool training) {
  DropoutMask::of(0, p);  // refuses what is no probability
  if (!training || p == 0) return x;
  if (!x.device().is_cpu() || x.scalar_type() != torch::kFloat32) return torch::dropout(x, p, true);
  return HashedDropout::apply(x, p);
}

}  // namespace fusion
