#include "text/packed_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "data/settings.h"
#include "text/attention_kernels.h"

namespace text {
namespace {

/// Calls work(shape, first row, scratch) for each question, on all threads.
template <class Work>
void for_each_question(const PackedQuestions& questions, int64_t heads, int64_t dim, const Work& work) {
  at::parallel_for(0, questions.count(), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch;
    for (int64_t q = begin; q < end; ++q) {
      const AttentionShape shape{.tokens = questions.length(q), .heads = heads, .head_dim = dim / heads};
      scratch.resize(std::max(scratch.size(), static_cast<size_t>(shape.scratch())));
      work(shape, questions.begin(q), scratch.data());
    }
  });
}

struct PackedAttention : torch::autograd::Function<PackedAttention> {
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& given,
                               const PackedQuestions& questions, int64_t heads) {
    const torch::Tensor qkv = given.contiguous();
    context->save_for_backward({qkv});
    context->saved_data["lengths"] = lengths_of(questions);
    context->saved_data["width"] = questions.width();
    context->saved_data["heads"] = heads;
    const int64_t dim = qkv.size(1) / 3;
    torch::Tensor out = torch::empty({qkv.size(0), dim}, qkv.options());
    const auto* from = qkv.const_data_ptr<float>();
    auto* to = out.mutable_data_ptr<float>();
    for_each_question(questions, heads, dim, [&](const AttentionShape& shape, int64_t row, float* scratch) {
      attend(from + row * 3 * dim, shape, to + row * dim, scratch);
    });
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::Tensor qkv = context->get_saved_variables()[0];
    const torch::Tensor gradient = gradients[0].contiguous();
    const PackedQuestions questions(context->saved_data["lengths"].toTensor(), context->saved_data["width"].toInt());
    const int64_t dim = gradient.size(1);
    torch::Tensor of_qkv = torch::empty_like(qkv);
    const auto* from = qkv.const_data_ptr<float>();
    const auto* of_out = gradient.const_data_ptr<float>();
    auto* to = of_qkv.mutable_data_ptr<float>();
    for_each_question(questions, context->saved_data["heads"].toInt(), dim,
                      [&](const AttentionShape& shape, int64_t row, float* scratch) {
                        attend_backward(from + row * 3 * dim, of_out + row * dim, shape, to + row * 3 * dim, scratch);
                      });
    return {of_qkv, torch::Tensor(), torch::Tensor()};
  }

  static torch::Tensor lengths_of(const PackedQuestions& questions) {
    torch::Tensor lengths = torch::empty({questions.count()}, torch::kInt64);
    for (int64_t q = 0; q < questions.count(); ++q) lengths.mutable_data_ptr<int64_t>()[q] = questions.length(q);
    return lengths;
  }
};

torch::Tensor padded_attention(const torch::Tensor& qkv, const PackedQuestions& questions, int64_t heads) {
  const auto split = unpack(qkv, questions).unflatten(2, {3, heads, -1}).permute({2, 0, 3, 1, 4});  // (3, Q, h, T, d)
  const torch::Tensor real = unpack(torch::ones({qkv.size(0)}, qkv.options().dtype(torch::kBool)), questions);
  const torch::Tensor out =
      at::scaled_dot_product_attention(split[0], split[1], split[2], real.unsqueeze(1).unsqueeze(1));
  return pack(out.transpose(1, 2).flatten(2), questions);
}

}  // namespace

PackedQuestions::PackedQuestions(const torch::Tensor& lengths, int64_t width) : offsets_{0}, width_(width) {
  TORCH_CHECK(lengths.dim() == 1 && lengths.device().is_cpu() && lengths.scalar_type() == torch::kInt64,
              "lengths (Q) int64 on the CPU");
  const torch::Tensor whole = lengths.contiguous();
  offsets_.reserve(static_cast<size_t>(whole.numel()) + 1);
  for (int64_t q = 0; q < whole.numel(); ++q) {
    const int64_t length = whole.const_data_ptr<int64_t>()[q];
    data::check_range("lengths", length, 1, width);
    offsets_.push_back(offsets_.back() + length);
  }
}

torch::Tensor PackedQuestions::cells() const {
  torch::Tensor cells = positions();
  auto* numbers = cells.mutable_data_ptr<int64_t>();
  for (int64_t q = 0; q < count(); ++q) {
    for (int64_t row = begin(q); row < begin(q + 1); ++row) numbers[row] += q * width_;
  }
  return cells;
}

torch::Tensor PackedQuestions::positions() const {
  torch::Tensor positions = torch::empty({rows()}, torch::kInt64);
  auto* numbers = positions.mutable_data_ptr<int64_t>();
  for (int64_t q = 0; q < count(); ++q) {
    for (int64_t row = begin(q); row < begin(q + 1); ++row) numbers[row] = row - begin(q);
  }
  return positions;
}

torch::Tensor pack(const torch::Tensor& padded, const PackedQuestions& questions) {
  return padded.flatten(0, 1).index_select(0, questions.cells().to(padded.device()));
}

torch::Tensor unpack(const torch::Tensor& rows, const PackedQuestions& questions) {
  std::vector<int64_t> sizes = rows.sizes().vec();
  sizes[0] = questions.count() * questions.width();
  const torch::Tensor all =
      torch::zeros(sizes, rows.options()).index_copy(0, questions.cells().to(rows.device()), rows);
  return all.unflatten(0, {questions.count(), questions.width()});
}

torch::Tensor packed_attention(const torch::Tensor& qkv, const PackedQuestions& questions, int64_t heads) {
  TORCH_CHECK(qkv.dim() == 2 && qkv.size(0) == questions.rows() && qkv.size(1) % (3 * heads) == 0, "qkv (N, 3D)");
  const bool ours = qkv.device().is_cpu() && qkv.scalar_type() == torch::kFloat32;
  return ours ? PackedAttention::apply(qkv, questions, heads) : padded_attention(qkv, questions, heads);
}

}  // namespace text
