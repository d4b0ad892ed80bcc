// Where the time of some work goes, by LibTorch's operators.
#pragma once

#include <functional>
#include <string>

namespace peers {

/// A table of the `most` operators in which `work` spends most time, without what those they call take, and the rest:
/// what is done outside of operators. Work of one thread (its operators may use more).
std::string op_times(const std::function<void()>& work, size_t most = 20);

}  // namespace peers
