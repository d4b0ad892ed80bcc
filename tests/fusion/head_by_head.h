// The frame that kinds of attention with separate heads have in common, written out for one sample.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

/// What attends and what is attended to: x (n, D), y (m, D).
struct TwoSides {
  torch::Tensor x, y;
};

/// The linear layer `name` applied to t.
inline torch::Tensor project(const Parameters& p, const std::string& name, const torch::Tensor& t) {
  return t.matmul(p[name + ".weight"].t()) + p[name + ".bias"];
}

/// query, key and value projected, `attend(i, q, k, v)` of the i-th head's (n, d_h), (m, d_h) and (m, d_h) to (n, d_h),
/// the heads side by side through out: (n, D).
template <class Attend>
torch::Tensor head_by_head(const Parameters& p, const TwoSides& sides, int64_t heads, Attend attend) {
  const auto query = project(p, "query", sides.x).chunk(heads, 1), key = project(p, "key", sides.y).chunk(heads, 1),
             value = project(p, "value", sides.y).chunk(heads, 1);
  std::vector<torch::Tensor> all;
  for (int64_t i = 0; i < heads; ++i) {
    const auto head = static_cast<size_t>(i);
    all.push_back(attend(i, query[head], key[head], value[head]));
  }
  return project(p, "out", torch::cat(all, 1));
}
