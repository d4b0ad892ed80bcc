// How the rows of a batch of sequences are shared out to threads, and products of what lies in memory.
#pragma once

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace fusion {

/// Whether kernels over rows of ours take such a tensor.
inline bool takes_rows(const torch::Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == torch::kFloat32 || x.scalar_type() == torch::kFloat64);
}

/// For kernels that read memory as it is. Throws c10::Error where `others` are of another type or device than `x`, or
/// `lengths`, which may be undefined, is not (B) int64 on a CPU.
inline void require_like(const torch::Tensor& x, at::ArrayRef<torch::Tensor> others, const torch::Tensor& lengths) {
  for (const torch::Tensor& other : others)
    TORCH_CHECK(other.scalar_type() == x.scalar_type() && other.device() == x.device(), "one type and device");
  TORCH_CHECK(!lengths.defined() || (lengths.scalar_type() == torch::kInt64 && lengths.device().is_cpu() &&
                                     lengths.is_contiguous() && lengths.numel() == x.size(0)),
              "lengths (B) int64 on the CPU");
}

/// Nothing where a tensor is undefined, which autograd's functions do not take.
inline std::optional<torch::Tensor> if_defined(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

/// For the beginning of a backward pass that autograd cannot follow. Throws c10::Error where it is asked to.
inline void require_first_derivative() {
  TORCH_CHECK(!torch::GradMode::is_enabled(), "a kernel of this operation has no second derivative");
}

/// A contiguous tensor's numbers, without a check of their type.
template <class T>
T* data_of(const torch::Tensor& x) {
  return static_cast<T*>(x.data_ptr());
}

/// Consecutive rows of one sample, worked on by one thread.
struct RowPart {
  int64_t sample = 0;
  int64_t begin = 0, end = 0;  // rows of (B * n)
};

constexpr int64_t kBlockRows = 256;  // of a part, worked on at a time: the second cache holds them

/// The parts of a batch, sample by sample: its real rows alone, padding never.
struct RowParts {
  std::vector<RowPart> parts;
  std::vector<int64_t> first;  // (B + 1) of each sample the first of its parts; a sample without rows has none

  bool splits = false;  // whether a sample has several

  int64_t count() const { return std::ssize(parts); }

  /// No block of for_each_block has more.
  int64_t block_rows() const {
    int64_t most = 0;
    for (const RowPart& part : parts) most = std::max(most, std::min(part.end - part.begin, kBlockRows));
    return most;
  }
};

/// `lengths` (B) int64 on the CPU; undefined where all n rows are real. A sample is one part where there are samples
/// enough for all threads.
RowParts share_out_rows(const torch::Tensor& lengths, int64_t batch, int64_t n);

/// A part's rows, at most kBlockRows at a time, in blocks of about one size: work(begin, end).
template <class Work>
void for_each_block(const RowPart& part, const Work& work) {
  const int64_t rows = part.end - part.begin, blocks = (rows + kBlockRows - 1) / kBlockRows;
  for (int64_t i = 0; i < blocks; ++i) work(part.begin + rows * i / blocks, part.begin + rows * (i + 1) / blocks);
}

/// Memory of `count` numbers that nobody has written yet: zeros would push what is needed out of the caches.
template <class T>
std::unique_ptr<T[]> room_for(int64_t count) {
  return std::make_unique_for_overwrite<T[]>(static_cast<size_t>(count));
}

/// A matrix in memory: element (i, j) stands at data[i * row + j * column].
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t row = columns, column = 1;

  Matrix t() const { return {data, columns, rows, column, row}; }
  torch::Tensor tensor() const {
    return at::from_blob(const_cast<std::remove_const_t<T>*>(data), {rows, columns}, {row, column},
                         at::TensorOptions(c10::CppTypeToScalarType<std::remove_const_t<T>>::value));
  }
};

/// Whether a sample's slots, of (h, B, d_p, D), are one matrix (h d_p, D) in memory.
inline bool are_matrices(const torch::Tensor& slots) {
  return slots.stride(0) == slots.size(2) * slots.stride(2) && (slots.stride(2) == 1 || slots.stride(3) == 1);
}

/// One sample's slots of (h, B, d_p, D), which stand in this order or are_matrices.
template <class T>
class SampleSlots {
 public:
  SampleSlots(const torch::Tensor& slots, int64_t sample)
      : slots_(slots), data_(data_of<T>(slots) + sample * slots.stride(1)) {}

  /// As one matrix: in place where there is such a matrix, else copied to `room`.
  Matrix<T> gather(T* room) const {
    const int64_t heads = slots_.size(0), d_p = slots_.size(2), dim = slots_.size(3);
    if (are_matrices(slots_)) return {data_, heads * d_p, dim, slots_.stride(2), slots_.stride(3)};
    for (int64_t i = 0; i < heads; ++i) std::copy_n(data_ + i * slots_.stride(0), d_p * dim, room + i * d_p * dim);
    return {room, heads * d_p, dim};
  }

  /// Numbers of memory that `gather` wants.
  int64_t room() const { return are_matrices(slots_) ? 0 : slots_.size(0) * slots_.size(2) * slots_.size(3); }

  /// The reverse, for slots that stand in this order.
  void scatter(const T* from) const {
    const int64_t heads = slots_.size(0), of_head = slots_.size(2) * slots_.size(3);
    for (int64_t i = 0; i < heads; ++i) std::copy_n(from + i * of_head, of_head, data_ + i * slots_.stride(0));
  }

 private:
  const torch::Tensor& slots_;
  T* data_;
};

/// Adds all `parts`, of `numbers` each, to `to`, in their order, shared out to threads.
template <class T>
void add_up(const std::vector<const T*>& parts, int64_t numbers, T* to) {
  constexpr int64_t kGrain = 1 << 14;  // numbers that a thread takes at least
  if (parts.empty()) return;
  at::parallel_for(0, numbers, kGrain, [&](int64_t begin, int64_t end) {
    for (const T* part : parts) {
      for (int64_t i = begin; i < end; ++i) to[i] += part[i];
    }
  });
}

/// (B, h, m, k) in that order in memory or as a view -> (h, B, m, k) contiguous.
inline torch::Tensor heads_first(const torch::Tensor& x) { return x.transpose(0, 1).contiguous(); }

/// c = a b. Within a thread of at::parallel_for it is that thread's work alone.
template <class A, class B, class C>
void multiply(const Matrix<A>& a, const Matrix<B>& b, const Matrix<C>& c) {
  torch::Tensor out = c.tensor();
  at::mm_out(out, a.tensor(), b.tensor());
}

/// c += a b.
template <class A, class B, class C>
void multiply_add(const Matrix<A>& a, const Matrix<B>& b, const Matrix<C>& c) {
  c.tensor().addmm_(a.tensor(), b.tensor());
}

}  // namespace fusion
