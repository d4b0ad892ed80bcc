// Products whose right factor is small, on a CPU: a library's kernel spends longer on its own preparation.
// Single-threaded: callers share the products out.
#pragma once

#include "fusion/matrix.h"

namespace fusion {

template <class T>
struct SmallProduct {
  Matrix<const T> a, b;      // (m, k), (k, n)
  Matrix<T> c;               // (m, n)
  T* scratch = nullptr;      // room for k n numbers, used where b's rows are not contiguous
  const T* start = nullptr;  // (m), one number for each row of c; null: zeros
};

/// c = start + a b.
void multiply_small(const SmallProduct<float>& product);
void multiply_small(const SmallProduct<double>& product);

}  // namespace fusion
