#include "fusion/row_blocks.h"

#include <ATen/Parallel.h>

#include <algorithm>

namespace fusion {
namespace {

constexpr int64_t kFewRows = 64;  // of a part: fewer keep a matrix product from its full speed

}  // namespace

int64_t real_rows(const torch::Tensor& lengths, int64_t b, int64_t n) {
  return lengths.defined() ? lengths.const_data_ptr<int64_t>()[b] : n;
}

void require_real_rows(const torch::Tensor& lengths, int64_t n) {
  if (!lengths.defined()) return;
  for (int64_t b = 0; b < lengths.numel(); ++b) {
    const int64_t rows = real_rows(lengths, b, n);
    TORCH_CHECK(rows >= 0 && rows <= n, "a length of ", rows, " of a sequence of ", n);
  }
}

RowParts share_out_rows(const torch::Tensor& lengths, int64_t batch, int64_t n) {
  require_real_rows(lengths, n);
  const int64_t threads = at::get_num_threads();
  const int64_t most = (threads + batch - 1) / std::max<int64_t>(1, batch);  // parts of a sample
  RowParts shared;
  for (int64_t b = 0; b < batch; ++b) {
    shared.first.push_back(shared.count());
    const int64_t rows = real_rows(lengths, b, n);
    const int64_t parts = std::clamp<int64_t>(rows / kFewRows, 1, most);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = b * n + rows * part / parts, end = b * n + rows * (part + 1) / parts;
      if (end > begin) shared.parts.push_back({b, begin, end});
      shared.block_rows = std::max(shared.block_rows, std::min(end - begin, kBlockRows));
    }
    shared.splits = shared.splits || parts > 1;
  }
  shared.first.push_back(shared.count());
  return shared;
}

}  // namespace fusion
