// Rows that kernels read and write as numbers of one type while they stand in memory as such or as bfloat16.
#pragma once

#include <torch/torch.h>

#include "fusion/slot_matrices.h"

namespace fusion {

/// The rows (N, columns) of a contiguous tensor (..., columns). Those of bfloat16, which would lose digits in sums and
/// for which most processors have slower products, are widened to T a block at a time and narrowed likewise.
template <class T>
class StoredRows {
 public:
  explicit StoredRows(const torch::Tensor& x)
      : rows_(x.view({-1, x.size(-1)})), widens_(x.scalar_type() != c10::CppTypeToScalarType<T>::value) {}

  bool widens() const { return widens_; }

  /// Numbers of memory that `read` and `write` want for so many rows.
  int64_t room(int64_t rows) const { return widens_ ? rows * rows_.size(1) : 0; }

  /// Rows from `begin` up to `end`: in place, or in `room`.
  Matrix<T> read(int64_t begin, int64_t end, T* room) const {
    const Matrix<T> rows = place(begin, end, room);
    if (widens_) tensor_of(rows).copy_(rows_.slice(0, begin, end));
    return rows;
  }

  /// fill(matrix) has all numbers of these rows to write.
  template <class Fill>
  void write(int64_t begin, int64_t end, T* room, const Fill& fill) const {
    const Matrix<T> rows = place(begin, end, room);
    fill(rows);
    if (widens_) rows_.slice(0, begin, end).copy_(tensor_of(rows));
  }

 private:
  Matrix<T> place(int64_t begin, int64_t end, T* room) const {
    const int64_t columns = rows_.size(1);
    return {widens_ ? room : data_of<T>(rows_) + begin * columns, end - begin, columns};
  }

  torch::Tensor rows_;
  bool widens_;
};

}  // namespace fusion
