#include "tests/golden/golden.h"

#include <limits>

namespace golden {

std::optional<std::filesystem::path> Case::missing(const std::filesystem::path& folder) const {
  for (const std::string& need : needs) {
    if (!std::filesystem::exists(folder / need)) return folder / need;
  }
  return std::nullopt;
}

double relative_error(const torch::Tensor& ours, const torch::Tensor& theirs) {
  const double infinity = std::numeric_limits<double>::infinity();
  if (ours.sizes() != theirs.sizes() || !torch::isfinite(ours).all().item<bool>()) return infinity;
  const torch::Tensor expected = theirs.to(torch::kFloat64);
  const double scale = expected.abs().max().item<double>();
  return (ours.detach().to(torch::kFloat64) - expected).abs().max().item<double>() / scale;
}

}  // namespace golden
