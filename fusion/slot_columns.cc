#include "fusion/slot_columns.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "fusion/kernel_inputs.h"
#include "fusion/mix_kernels.h"

namespace fusion {
namespace {

using torch::Tensor;

/// A head of a sample within (h c, L), c numbers of a head for each slot.
template <class T>
Matrix<T> head_of(const Tensor& x, const MixShape& shape, int64_t sample, int64_t head) {
  const int64_t c = x.size(0) / shape.heads;
  return {data_of<T>(x) + head * c * x.size(1) + sample * shape.d_p, c, shape.d_p, x.size(1)};
}

/// A head of a sample within (L, D), slots in columns likewise.
template <class T>
Matrix<T> head_of_rows(const Tensor& x, const MixShape& shape, int64_t sample, int64_t head) {
  return {data_of<T>(x) + sample * shape.d_p * shape.dim + head * shape.d_h(), shape.d_h(), shape.d_p, 1, shape.dim};
}

template <class T>
HeadSlots<T> head_of(const SlotColumns& slots, const MixShape& shape, int64_t sample, int64_t head) {
  return {head_of<T>(slots.queries, shape, sample, head), head_of<T>(slots.keys, shape, sample, head),
          head_of<T>(slots.values, shape, sample, head)};
}

/// work(sample, head, mask, room) for all heads of all samples, shared out to threads.
template <class T, class Work>
void for_each_head(const MixShape& shape, const DropoutMask& mask, const Work& work) {
  at::parallel_for(0, shape.batch * shape.heads, 1, [&](int64_t begin, int64_t end) {
    const auto room = room_for<T>(mix_room(shape.d_p, shape.d_h()));
    for (int64_t i = begin; i < end; ++i) {
      const BlockMask of_head{mask, static_cast<uint32_t>(i * shape.d_p * shape.d_p), shape.d_p};
      work(i / shape.heads, i % shape.heads, of_head, room.get());
    }
  });
}

/// What one thread's caches hold of a product's right factor while the left one passes by.
constexpr int64_t kFewNumbers = 1 << 15;

constexpr int64_t kGrain = 64;  // features that a thread takes at least

/// One head of (h, m, n), or the whole of (m, n).
template <class T>
Matrix<T> matrix_of(const Tensor& x, int64_t head = 0) {
  return {data_of<T>(x) + (x.dim() == 3 ? head * x.stride(0) : 0), x.size(-2), x.size(-1), x.stride(-2), x.stride(-1)};
}

bool are_few(const Tensor& right) { return right.size(-2) * right.size(-1) <= kFewNumbers; }

/// Products in parts of a few rows each, shared out to threads together.
template <class T>
class RowProducts {
 public:
  void add(const SmallProduct<T>& product) { products_.push_back(product); }

  /// The first rows of all of them, then the next: heads side by side are parts of the same rows of a weight.
  void run() const {
    int64_t most = 0;
    for (const SmallProduct<T>& product : products_) most = std::max(most, product.a.rows);
    std::vector<Part> parts;
    for (int64_t first = 0; first < most; first += kRows) {
      for (const SmallProduct<T>& product : products_) {
        if (first < product.a.rows) parts.push_back({&product, first});
      }
    }
    at::parallel_for(0, std::ssize(parts), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) multiply(parts[static_cast<size_t>(i)]);
    });
  }

 private:
  static constexpr int64_t kRows = 16;

  struct Part {
    const SmallProduct<T>* whole;
    int64_t first;  // of kRows rows
  };

  static void multiply(const Part& part) {
    SmallProduct<T> rows = *part.whole;
    rows.a = rows.a.some_rows(part.first, kRows);
    rows.c = rows.c.some_rows(part.first, kRows);
    if (rows.start != nullptr) rows.start += part.first;
    multiply_small(rows);
  }

  std::vector<SmallProduct<T>> products_;
};

}  // namespace

SlotColumns parts_of(const Tensor& all, int64_t d_in) {
  return {all.narrow(0, 0, d_in), all.narrow(0, d_in, d_in), all.narrow(0, 2 * d_in, all.size(0) - 2 * d_in), all};
}

Tensor attend(const SlotColumns& slots, const MixShape& shape, const DropoutMask& mask) {
  Tensor out = torch::empty({shape.columns(), shape.dim}, slots.values.options());
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "mix_slots", [&] {
    for_each_head<scalar_t>(shape, mask, [&](int64_t b, int64_t i, const BlockMask& of_head, scalar_t* room) {
      mix_head(head_of<const scalar_t>(slots, shape, b, i), of_head, head_of_rows<scalar_t>(out, shape, b, i), room);
    });
  });
  return out;
}

SlotColumns attend_backward(const SlotColumns& slots, const MixShape& shape, const DropoutMask& mask,
                            const Tensor& of_out) {
  const int64_t d_in = shape.d_in, dim = shape.dim;
  const SlotColumns of = parts_of(torch::empty({2 * d_in + dim, shape.columns()}, of_out.options()), d_in);
  AT_DISPATCH_FLOATING_TYPES(of_out.scalar_type(), "mix_slots", [&] {
    for_each_head<scalar_t>(shape, mask, [&](int64_t b, int64_t i, const BlockMask& of_head, scalar_t* room) {
      mix_head_backward(head_of<const scalar_t>(slots, shape, b, i), of_head,
                        head_of_rows<const scalar_t>(of_out, shape, b, i), head_of<scalar_t>(of, shape, b, i), room);
    });
  });
  return of;
}

void multiply_heads(const Tensor& a, const Tensor& b, Tensor out, const Tensor& start) {
  const int64_t heads = a.size(0);
  if (!are_few(b)) {
    at::bmm_out(out, a, b);
    if (start.defined()) out[0].add_(start.unsqueeze(1));
    return;
  }
  AT_DISPATCH_FLOATING_TYPES(out.scalar_type(), "mix_slots", [&] {
    const Tensor right = b.stride(2) == 1 ? b : b.clone(at::MemoryFormat::Contiguous);
    RowProducts<scalar_t> products;
    for (int64_t head = 0; head < heads; ++head)
      products.add({.a = matrix_of<const scalar_t>(a, head),
                    .b = matrix_of<const scalar_t>(right, head),
                    .c = matrix_of<scalar_t>(out, head),
                    .start = start.defined() && head == 0 ? data_of<scalar_t>(start) : nullptr});
    products.run();
  });
}

Tensor linear_columns(const std::vector<ColumnsLinear>& linears) {
  int64_t rows = 0;
  for (const ColumnsLinear& a : linears) rows += a.weight.size(0);
  const Tensor& x = linears.front().x;
  Tensor all = torch::empty({rows, x.size(1)}, x.options());
  AT_DISPATCH_FLOATING_TYPES(all.scalar_type(), "mix_slots", [&] {
    RowProducts<scalar_t> products;
    int64_t below = 0;
    for (const ColumnsLinear& a : linears) {
      const int64_t features = a.weight.size(0);
      Tensor out = all.narrow(0, below, features);
      below += features;
      if (!are_few(a.x)) {
        at::mm_out(out, a.weight, a.x).add_(a.bias.unsqueeze(1));
        continue;
      }
      products.add({.a = matrix_of<const scalar_t>(a.weight),
                    .b = matrix_of<const scalar_t>(a.x),
                    .c = matrix_of<scalar_t>(out),
                    .start = data_of<scalar_t>(a.bias)});
    }
    products.run();
  });
  return all;
}

Tensor columns_of(const Tensor& x) {
  const int64_t slots = x.size(0), width = x.size(1);
  Tensor columns = torch::empty({width, slots}, x.options());
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "mix_slots", [&] {
    const auto* from = data_of<scalar_t>(x);
    auto* to = data_of<scalar_t>(columns);
    at::parallel_for(0, width, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        for (int64_t s = 0; s < slots; ++s) to[k * slots + s] = from[s * width + k];
      }
    });
  });
  return columns;
}

Tensor biased_rows(Tensor& columns, const Tensor& bias, const Tensor& row_sums) {
  const int64_t dim = columns.size(0), slots = columns.size(1);
  Tensor rows = torch::empty({slots, dim}, columns.options());
  AT_DISPATCH_FLOATING_TYPES(rows.scalar_type(), "mix_slots", [&] {
    const int64_t d_h = row_sums.defined() ? dim / row_sums.size(0) : dim;
    const auto *add = data_of<scalar_t>(bias), *sums = row_sums.defined() ? data_of<scalar_t>(row_sums) : nullptr;
    auto *of_columns = data_of<scalar_t>(columns), *of_rows = data_of<scalar_t>(rows);
    at::parallel_for(0, dim, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) {
        for (int64_t s = 0; s < slots; ++s) {
          const scalar_t shift = sums == nullptr ? add[k] : add[k] * sums[k / d_h * slots + s];
          of_rows[s * dim + k] = of_columns[k * slots + s] += shift;
        }
      }
    });
  });
  return rows;
}

}  // namespace fusion
