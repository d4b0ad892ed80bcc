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

  /// Numbers of memory that `read` and `write` want for so many rows.
  int64_t room(int64_t rows) const { return widens_ ? rows * rows_.size(1) : 0; }

  /// Rows from `begin` up to `end`: in place, or in `room`.
  Matrix<T> read(int64_t begin, int64_t end, T* room) const {
    const Matrix<T> rows = place(begin, end, room);
    if (widens_) tensor_of(rows).copy_(stored(begin, end));
    return rows;
  }

  /// fill(matrix) has all numbers of these rows to write.
  template <class Fill>
  void write(int64_t begin, int64_t end, T* room, const Fill& fill) const {
    const Matrix<T> rows = place(begin, end, room);
    fill(rows);
    if (widens_) stored(begin, end).copy_(tensor_of(rows));
  }

 private:
  Matrix<T> place(int64_t begin, int64_t end, T* room) const {
    const int64_t columns = rows_.size(1);
    return {widens_ ? room : data_of<T>(rows_) + begin * columns, end - begin, columns};
  }

  /// As they stand, in a tensor of the calling thread's own: a slice of one made in inference mode refuses to be
  /// written by other threads, which are not in that mode.
  torch::Tensor stored(int64_t begin, int64_t end) const {
    const int64_t columns = rows_.size(1);
    auto* first = data_of<char>(rows_) + begin * columns * rows_.element_size();
    return at::from_blob(first, {end - begin, columns}, at::TensorOptions(rows_.scalar_type()));
  }

  torch::Tensor rows_;
  bool widens_;
};

}  // namespace fusion
