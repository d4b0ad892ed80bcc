// How the rows of a batch of sequences are shared out to threads, and products of what lies in memory.
#pragma once

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

  /// Of the largest block that for_each_block makes.
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

/// One sample's slots (h d_p, D) of a batch that stands heads first, (h, B, d_p, D).
template <class T>
struct SampleSlots {
  T* data = nullptr;                                 // the sample's first head
  int64_t heads = 0, head_stride = 0, per_head = 0;  // numbers from head to head, and of one head

  SampleSlots(const torch::Tensor& slots, int64_t sample)
      : heads(slots.size(0)), head_stride(slots.stride(0)), per_head(slots.size(2) * slots.size(3)) {
    data = static_cast<T*>(slots.data_ptr()) + sample * per_head;
  }

  /// As one matrix: in place where there is one sample, else copied to `room`.
  T* gather(T* room) const {
    if (head_stride == per_head) return data;
    for (int64_t i = 0; i < heads; ++i) std::copy_n(data + i * head_stride, per_head, room + i * per_head);
    return room;
  }

  /// Numbers of memory that `gather` wants.
  int64_t room() const { return head_stride == per_head ? 0 : heads * per_head; }

  void scatter(const T* from) const {
    for (int64_t i = 0; i < heads; ++i) std::copy_n(from + i * per_head, per_head, data + i * head_stride);
  }
};

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
