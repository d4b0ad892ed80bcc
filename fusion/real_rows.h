// Work on the rows of a padded batch that are not padding.
#pragma once

#include <torch/torch.h>

#include "fusion/sequence.h"

namespace fusion {

/// What `f` makes of the rows of `x`, each on its own, (N, D) -> (N, ...): of the whole batch where nothing is padded,
/// else of its real rows packed together, and zero at padding. -> (B, T, ...). Of a batch of questions more than half
/// is padding.
template <class F>
torch::Tensor on_real_rows(const Sequence& x, const F& f) {
  const auto shaped = [&](const torch::Tensor& rows) { return rows.unflatten(0, x.features.sizes().slice(0, 2)); };
  const torch::Tensor all = x.features.flatten(0, 1);  // (B T, D)
  if (!x.padding.defined()) return shaped(f(all));
  const torch::Tensor at = x.padding.flatten().logical_not().nonzero().squeeze(1);  // (N)
  const torch::Tensor real = f(all.index_select(0, at));                            // (N, ...)
  std::vector<int64_t> sizes = real.sizes().vec();
  sizes.front() = all.size(0);
  return shaped(torch::zeros(sizes, real.options()).index_copy(0, at, real));
}

}  // namespace fusion
