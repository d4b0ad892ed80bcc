// What compress_forward makes on a CPU, and where its ways write it.
#pragma once

#include <torch/torch.h>

#include <algorithm>

#include "fusion/compress_passes.h"
#include "fusion/slot_matrices.h"

namespace fusion {

template <class T>
class CompressResults {
 public:
  CompressResults(const CompressShape& shape, const torch::TensorOptions& options, bool padded) : s_(shape) {
    mixed_ = torch::empty({s_.heads, s_.batch, s_.d_p, s_.dim}, options);
    row_sums_ = torch::empty({s_.batch, s_.heads, s_.d_p, 1}, options);
    most_ = torch::empty({s_.batch, s_.m()}, options);
    inverse_ = torch::empty({s_.batch, s_.m()}, options);
    keys_ = torch::empty({s_.batch, s_.n, s_.keys()}, options);
    projected_ = padded ? torch::zeros({s_.batch, s_.n, s_.beside}, options)
                        : torch::empty({s_.batch, s_.n, s_.beside}, options);
  }

  /// W X of sample b in column j, (D).
  T* mixed_row(int64_t b, int64_t j) const { return data_of<T>(mixed_) + s_.slot_at(b, j); }

  /// Of rows of (B n, h r) and of (B n, p).
  Matrix<T> keys(int64_t begin, int64_t end) const { return rows_of<T>(keys_, begin, end, s_.keys()); }
  Matrix<T> projected(int64_t begin, int64_t end) const { return rows_of<T>(projected_, begin, end, s_.beside); }

  /// The softmax of sample b in column j: its greatest score, sum of exp(score - most), and that after dropout.
  void set_softmax(int64_t b, int64_t j, T most, T total, T kept) const {
    const int64_t slot = b * s_.m() + j;
    data_of<T>(most_)[slot] = most;
    data_of<T>(inverse_)[slot] = total == 0 ? 0 : 1 / total;
    data_of<T>(row_sums_)[slot] = total == 0 ? 0 : kept / total;
  }

  /// What a sample without rows gives.
  void clear(int64_t b, int64_t j) const {
    std::fill_n(mixed_row(b, j), s_.dim, T(0));
    set_softmax(b, j, 0, 0, 0);
  }

  /// (h, B, d_p, D).
  const torch::Tensor& mixed() const { return mixed_; }

  CompressForward all() const {
    const torch::Tensor mixed = mixed_.transpose(0, 1);  // (B, h, d_p, D)
    return {{mixed, row_sums_, projected_}, {keys_, most_, inverse_, mixed, row_sums_}};
  }

 private:
  CompressShape s_;
  torch::Tensor mixed_;  // (h, B, d_p, D)
  torch::Tensor row_sums_, projected_;
  torch::Tensor keys_, most_, inverse_;  // see CompressKept
};

}  // namespace fusion
