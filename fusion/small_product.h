// Products whose right factor is small, on a CPU: a library's kernel spends longer on its own preparation.
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

template <class T>
struct SmallProduct {
  Strided<const T> a, b;  // (m, k), (k, n)
  Strided<T> c;           // (m, n)
  SmallSizes sizes;
  T* scratch = nullptr;      // room for k n numbers, used where b's rows are not contiguous
  const T* start = nullptr;  // (m), one number for each row of c; null: zeros
};

/// c = start + a b.
void multiply_small(const SmallProduct<float>& product);
void multiply_small(const SmallProduct<double>& product);

}  // namespace fusion
