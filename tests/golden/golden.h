// Golden cases: what other people's published code computes, compared with what this program computes. Each case is
// written once and run twice: by the unit tests on tests/golden, and by `golden_check` on any folder with any salt.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace golden {

/// One compared quantity of a case. `error` is relative: max|ours - theirs| / max|theirs|.
struct Comparison {
  std::string quantity;
  double error = 0;
  double tolerance = 1e-4;
};

struct Case {
  std::string name;  // the golden file's name without its ending
  std::vector<Comparison> (*run)(const std::filesystem::path& folder, uint32_t salt);
  std::vector<std::string> needs;  // a case that does not depend on the salt is skipped where one of these is missing

  /// What of `needs` is not in `folder`; nothing where all is.
  std::optional<std::filesystem::path> missing(const std::filesystem::path& folder) const;
};

/// Every case, in the order golden_check prints. `cases.cc` is the list; a room's cases are in golden_<room>.cc.
const std::vector<Case>& cases();

/// max|ours - theirs| / max|theirs|; infinity where shapes differ or a value is not finite.
double relative_error(const torch::Tensor& ours, const torch::Tensor& theirs);

}  // namespace golden
