// Products of matrices too small for a library's kernel, which spends longer on its own preparation, on a CPU.
// Single-threaded: callers share the products out.
#pragma once

#include <cstdint>

namespace fusion {

/// A matrix in memory: element (i, j) stands at data[i * row + j * column].
template <class T>
struct Strided {
  T* data;
  int64_t row, column;

  Strided t() const { return {data, column, row}; }
  Strided below(int64_t rows) const { return {data + rows * row, row, column}; }
  operator Strided<const T>() const { return {data, row, column}; }
};

struct SmallSizes {
  int64_t m, k, n;
};

/// c (m, n) = start + a (m, k) b (k, n), `start` (m) one number for each row of c, or null for zeros. `scratch` has
/// room for k n numbers, used where b's rows are not contiguous.
void multiply_small(Strided<const float> a, Strided<const float> b, Strided<float> c, const SmallSizes& sizes,
                    float* scratch, const float* start = nullptr);
void multiply_small(Strided<const double> a, Strided<const double> b, Strided<double> c, const SmallSizes& sizes,
                    double* scratch, const double* start = nullptr);

}  // namespace fusion
