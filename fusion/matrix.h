// A matrix that lies in memory.
#pragma once

#include <algorithm>
#include <cstdint>

namespace fusion {

/// Element (i, j) stands at data[i * row + j * column].
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t row = columns, column = 1;

  Matrix t() const { return {data, columns, rows, column, row}; }

  /// Rows from `first` on, at most `count` of them.
  Matrix some_rows(int64_t first, int64_t count) const {
    return {data + first * row, std::min(count, rows - first), columns, row, column};
  }

  /// Columns from `first` on, `count` of them.
  Matrix some_columns(int64_t first, int64_t count) const { return {data + first * column, rows, count, row, column}; }

  operator Matrix<const T>() const { return {data, rows, columns, row, column}; }
};

}  // namespace fusion
