// A few rows times a large matrix, on a CPU: a library spends longer on packing the matrix than on the product.
#pragma once

#include <cstdint>

namespace fusion {

/// x (rows, k) and w (columns, k), both contiguous -> out (rows, columns), `out_row` numbers from row to row.
struct FewRows {
  const float* x = nullptr;
  int64_t rows = 0, k = 0;
  const float* w = nullptr;
  int64_t columns = 0;
  float* out = nullptr;
  int64_t out_row = 0;
};

/// x w^T. Reads w once. Single-threaded: callers share the columns out.
void multiply_few_rows(const FewRows& product);

}  // namespace fusion
