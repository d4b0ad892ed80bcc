#include "fusion/mix_slots.h"

#include <cmath>
#include <tuple>
#include <vector>

#include "fusion/dropout.h"
#include "fusion/head_matmul.h"
#include "fusion/kernel_inputs.h"
#include "fusion/slot_columns.h"
#include "fusion/slot_products.h"

namespace fusion {
namespace {

using torch::Tensor;

/// Weights in the order in which autograd has them.
enum Weight { kPv, kPvBias, kQ, kQBias, kK, kKBias, kV, kVBias, kNorm, kNormBias, kOut, kOutBias, kWeights };

std::vector<Tensor> tensors_of(const MixWeights& w) {
  std::vector<Tensor> all{w.pv->weight, w.pv->bias, w.q->weight,    w.q->bias,    w.k->weight,   w.k->bias,
                          w.v->weight,  w.v->bias,  w.norm->weight, w.norm->bias, w.out->weight, w.out->bias};
  for (Tensor& each : all) each = each.contiguous();
  return all;
}

/// (L, D) -> (h, L, d_h), a view.
Tensor heads_of_rows(const Tensor& x, int64_t heads) { return x.unflatten(1, {heads, -1}).transpose(0, 1); }

/// (h, L, D) -> (B, h, d_p, D), a view.
Tensor samples_of(const Tensor& x, const MixShape& shape) {
  return x.unflatten(1, {shape.batch, shape.d_p}).transpose(0, 1);
}

/// A forward pass, and what it leaves for the backward one.
struct Pass {
  MixShape shape;
  DropoutMask mask;
  Tensor rows;      // W X, (h, L, D)
  Tensor row_sums;  // W 1, (h, L, 1); undefined where all are 1
  Tensor keys;      // what keys and values are made of, (L, D); undefined where it is C
  Tensor c;         // (L, D)
  SlotColumns columns;
  Tensor mixed, mean, rstd, normed;  // the norm's input (L, D), what it made of it, (L, 1), its output (L, D)

  static Pass of(const MixInputs& inputs, const std::vector<Tensor>& weights) {
    const Tensor& x = inputs.mixed;
    Pass pass{{x.size(0), x.size(1), x.size(2), x.size(3), weights[kQ].size(0)}, draw_dropout_mask(inputs.dropout)};
    pass.rows = rows_of_heads(x);
    if (inputs.row_sums.defined()) pass.row_sums = rows_of_heads(inputs.row_sums).contiguous();
    if (inputs.keys.defined()) pass.keys = inputs.keys.reshape({pass.shape.columns(), pass.shape.dim}).contiguous();
    return pass;
  }

  /// `adds_bias` as in MixInputs, `eps` of the norm.
  Mixed run(const std::vector<Tensor>& w, bool adds_bias, double eps) {
    const int64_t heads = shape.heads, dim = shape.dim;
    const Tensor to_c = w[kPv].view({heads, shape.d_h(), dim});
    Tensor c_columns = torch::bmm(to_c, rows.transpose(1, 2)).view({dim, shape.columns()});
    c = biased_rows(c_columns, w[kPvBias], row_sums);
    const Tensor from = keys.defined() ? columns_of(keys) : c_columns;  // (D, L)
    columns =
        parts_of(linear_columns({{c_columns, w[kQ], w[kQBias]}, {from, w[kK], w[kKBias]}, {from, w[kV], w[kVBias]}}),
                 shape.d_in);
    mixed = attend(columns, shape, mask);
    std::tie(normed, mean, rstd) = at::native_layer_norm(mixed, {dim}, w[kNorm], w[kNormBias], eps);
    const Tensor slots = out_of_heads(w, adds_bias ? w[kOutBias] : Tensor());
    return {c.view({shape.batch, shape.d_p, dim}), samples_of(slots, shape)};
  }

  /// Y_i A_o,i, (h, L, D), the first head's with `bias` (D) where it is defined.
  Tensor out_of_heads(const std::vector<Tensor>& w, const Tensor& bias) const {
    const int64_t heads = shape.heads, dim = shape.dim, n = shape.columns();
    const Tensor of_heads = heads_of_rows(w[kOut], heads);  // (h, D, d_h)
    if (shape.batch == 1) {  // in columns, as they come: restore_rows takes them as one matrix either way
      const Tensor slots = torch::empty({dim, heads, n}, normed.options()).permute({1, 2, 0});
      multiply_heads(of_heads, columns_of(normed).view({heads, shape.d_h(), n}), slots.transpose(1, 2), bias);
      return slots;
    }
    const Tensor slots = torch::bmm(heads_of_rows(normed, heads), of_heads.transpose(1, 2));
    if (bias.defined()) slots[0].add_(bias);
    return slots;
  }

  torch::autograd::variable_list tensors() const {
    return {rows, row_sums, keys, c, columns.all, mixed, mean, rstd, normed};
  }
  static Pass of_tensors(const torch::autograd::variable_list& x, int64_t d_p, const DropoutMask& mask) {
    const Tensor &rows = x[0], &c = x[3], &all = x[4];
    const int64_t dim = c.size(1), d_in = (all.size(0) - dim) / 2;
    return {{c.size(0) / d_p, rows.size(0), d_p, dim, d_in},
            mask,
            rows,
            x[1],
            x[2],
            c,
            parts_of(all, d_in),
            x[5],
            x[6],
            x[7],
            x[8]};
  }
};

/// Gradients of everything, from those of C and of what forward gives; either may be undefined.
class Backward {
 public:
  Backward(const Pass& pass, const std::vector<Tensor>& weights)
      : of_weights(kWeights), pass_(pass), w_(weights), shape_(pass.shape) {}

  /// `given_of_c` (L, D), `of_slots` (h, L, D).
  void run(const Tensor& given_of_c, const Tensor& of_slots, bool adds_bias) {
    of_c_ = given_of_c;
    if (of_slots.defined()) through_attention(through_out(of_slots));
    if (of_slots.defined() && adds_bias) of_weights[kOutBias] = of_slots[0].sum(0);
    if (of_c_.defined()) through_projection();
  }

  Tensor of_rows, of_row_sums, of_keys;  // (h, L, D), (h, L, 1), (L, D)
  std::vector<Tensor> of_weights;

 private:
  /// Of the norm's input, (L, D).
  Tensor through_out(const Tensor& of_slots) {
    const Tensor weight = heads_of_rows(w_[kOut], shape_.heads);  // (h, D, d_h)
    const Tensor of_y = torch::bmm(of_slots, weight).transpose(0, 1).flatten(1);
    of_weights[kOut] = torch::empty_like(w_[kOut]);
    const Tensor of_weight = heads_of_rows(of_weights[kOut], shape_.heads),
                 normed = heads_of_rows(pass_.normed, shape_.heads);
    multiply_heads(of_slots.transpose(1, 2), normed, of_weight);
    Tensor of_mixed;
    std::tie(of_mixed, of_weights[kNorm], of_weights[kNormBias]) = at::native_layer_norm_backward(
        of_y, pass_.mixed, {shape_.dim}, pass_.mean, pass_.rstd, w_[kNorm], w_[kNormBias], {true, true, true});
    return of_mixed;
  }

  void through_attention(const Tensor& of_mixed) {
    const SlotColumns of = attend_backward(pass_.columns, shape_, pass_.mask, of_mixed);
    const bool apart = pass_.keys.defined();
    const int64_t d_in = shape_.d_in, dim = shape_.dim;
    const Tensor of_weight = apart ? torch::empty({2 * d_in + dim, dim}, of.all.options()) : torch::mm(of.all, pass_.c);
    const auto parts = of_weight.split_with_sizes({d_in, d_in, dim});
    if (apart) {
      Tensor of_q = parts[0], of_rest = of_weight.narrow(0, d_in, d_in + dim);
      torch::mm_out(of_q, of.queries, pass_.c);
      torch::mm_out(of_rest, of.all.narrow(0, d_in, d_in + dim), pass_.keys);
    }
    const auto of_bias = of.all.sum(1).split_with_sizes({d_in, d_in, dim});
    for (const auto& [i, weight] : {std::pair{0, kQ}, {1, kK}, {2, kV}}) {
      of_weights[weight] = parts[i];
      of_weights[weight + 1] = of_bias[i];
    }
    add_product(of.queries, w_[kQ], of_c_);
    add_product(of.keys, w_[kK], apart ? of_keys : of_c_);
    add_product(of.values, w_[kV], apart ? of_keys : of_c_);
  }

  /// of_x (L, D) += of_columns^T (L, N) weight (N, D), or = where it is undefined.
  static void add_product(const Tensor& of_columns, const Tensor& weight, Tensor& of_x) {
    of_x = of_x.defined() ? torch::addmm(of_x, of_columns.t(), weight) : torch::mm(of_columns.t(), weight);
  }

  void through_projection() {
    const int64_t heads = shape_.heads;
    const Tensor of_heads = heads_of_rows(of_c_, heads);  // (h, L, d_h)
    of_rows = torch::bmm(of_heads, w_[kPv].view({heads, shape_.d_h(), shape_.dim}));
    of_weights[kPv] = torch::bmm(of_heads.transpose(1, 2), pass_.rows).flatten(0, 1);
    if (!pass_.row_sums.defined()) {
      of_weights[kPvBias] = of_c_.sum(0);
      return;
    }
    of_row_sums = torch::bmm(of_heads, w_[kPvBias].view({heads, -1, 1}));
    of_weights[kPvBias] = torch::bmm(of_heads.transpose(1, 2), pass_.row_sums).flatten();
  }

  const Pass& pass_;
  const std::vector<Tensor>& w_;
  MixShape shape_;
  Tensor of_c_;  // (L, D)
};

/// Throws c10::Error for what would be read beyond its end.
void require_shapes(const MixInputs& inputs, const std::vector<Tensor>& weights) {
  const Tensor& x = inputs.mixed;
  TORCH_CHECK(x.dim() == 4 && x.size(1) > 0 && x.size(2) > 0 && x.size(3) > 0, "mixed (B, h, d_p, D), none but B zero");
  const int64_t batch = x.size(0), heads = x.size(1), d_p = x.size(2), dim = x.size(3);
  require_like(x, weights, {});
  for (const Weight weight : {kPv, kQ, kK, kV, kOut})
    TORCH_CHECK(weights[weight].size(1) == dim && weights[weight + 1].size(0) == weights[weight].size(0),
                "weights of inputs as wide as mixed, and biases of their outputs");
  for (const Weight weight : {kPv, kV, kOut}) TORCH_CHECK(weights[weight].size(0) == dim, "A_pv, A_v and A_o (D, D)");
  TORCH_CHECK(weights[kQ].sizes() == weights[kK].sizes() && weights[kQ].size(0) % heads == 0, "A_q and A_k (d_in, D)");
  if (inputs.row_sums.defined()) {
    require_like(x, {inputs.row_sums}, {});
    TORCH_CHECK(inputs.row_sums.sizes() == at::IntArrayRef({batch, heads, d_p, 1}), "row_sums (B, h, d_p, 1)");
  }
  if (inputs.keys.defined()) {
    require_like(x, {inputs.keys}, {});
    TORCH_CHECK(inputs.keys.sizes() == at::IntArrayRef({batch, d_p, dim}), "keys (B, d_p, D)");
  }
}

struct MixSlots : torch::autograd::Function<MixSlots> {
  /// The tensors stand among the inputs too; autograd asks for them by themselves.
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, const Tensor& /*mixed*/,
                                                const std::optional<Tensor>& /*row_sums*/,
                                                const std::optional<Tensor>& /*keys*/, at::TensorList weights,
                                                const MixInputs& inputs, double eps) {
    Pass pass = Pass::of(inputs, weights.vec());
    const Mixed result = pass.run(weights.vec(), inputs.adds_bias, eps);
    auto saved = pass.tensors();
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(saved);
    context->set_materialize_grads(false);
    save_mask(*context, pass.mask);
    context->saved_data["d_p"] = pass.shape.d_p;
    context->saved_data["adds_bias"] = inputs.adds_bias;
    return {result.c, result.slots};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    require_first_derivative();
    const auto saved = context->get_saved_variables();
    const std::vector<Tensor> weights(saved.end() - kWeights, saved.end());
    const Pass pass = Pass::of_tensors(saved, context->saved_data["d_p"].toInt(), saved_mask(*context));
    const MixShape& shape = pass.shape;
    const auto &of_c = gradients[0], &of_slots = gradients[1];
    Backward backward(pass, weights);
    backward.run(of_c.defined() ? of_c.reshape({shape.columns(), shape.dim}) : of_c,
                 of_slots.defined() ? rows_of_heads(of_slots) : of_slots, context->saved_data["adds_bias"].toBool());
    torch::autograd::variable_list of_inputs;
    for (const Tensor& x : {backward.of_rows, backward.of_row_sums})
      of_inputs.push_back(x.defined() ? samples_of(x, shape) : x);
    const Tensor& of_keys = backward.of_keys;
    of_inputs.push_back(of_keys.defined() ? of_keys.view({shape.batch, shape.d_p, shape.dim}) : of_keys);
    of_inputs.insert(of_inputs.end(), backward.of_weights.begin(), backward.of_weights.end());
    of_inputs.resize(of_inputs.size() + 2);  // inputs and eps have none
    return of_inputs;
  }
};

/// Everything of a type that kernels compute in, and the result of the given one: gradients pass through either change.
Mixed mix_wide(MixInputs inputs, const std::vector<Tensor>& weights, double eps) {
  const auto given = inputs.mixed.scalar_type(), wide = wide_type(inputs.mixed);
  std::vector<Tensor> wide_weights;
  for (const Tensor& weight : weights) wide_weights.push_back(weight.to(wide));
  for (Tensor* x : {&inputs.mixed, &inputs.row_sums, &inputs.keys}) {
    if (x->defined()) *x = x->to(wide);
  }
  if (!torch::GradMode::is_enabled()) {
    const Mixed found = Pass::of(inputs, wide_weights).run(wide_weights, inputs.adds_bias, eps);
    return {found.c.to(given), found.slots.to(given)};
  }
  const auto outputs = MixSlots::apply(inputs.mixed, if_defined(inputs.row_sums), if_defined(inputs.keys),
                                       at::TensorList(wide_weights), inputs, eps);
  return {outputs[0].to(given), outputs[1].to(given)};
}

}  // namespace

Mixed mix_slots(const MixInputs& inputs, const MixWeights& weights) {
  if (!takes_floats(inputs.mixed)) return mix_slots_by_definition(inputs, weights);
  const std::vector<Tensor> tensors = tensors_of(weights);
  require_shapes(inputs, tensors);
  return mix_wide(inputs, tensors, weights.norm->options.eps());
}

Tensor mix_by_definition(const Tensor& c, const Tensor& keys, const MixWeights& weights, int64_t heads,
                         double dropout) {
  const auto by_head = [&](const Tensor& x, const torch::nn::Linear& a) {
    return split_heads(torch::linear(x, a->weight, a->bias), heads);
  };
  const Tensor q = by_head(c, weights.q), k = by_head(keys, weights.k);  // (B, h, d_p, r)
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  const Tensor p = hashed_dropout(head_matmul(q * scale, k.transpose(2, 3)).softmax(-1), dropout, dropout > 0);
  const Tensor mixed = head_matmul(p, by_head(keys, weights.v), HeadOrder::kRowsFirst);  // (B, h, d_p, d_h)
  const auto& norm = *weights.norm;
  return torch::layer_norm(concat_heads(mixed), {mixed.size(1) * mixed.size(3)}, norm.weight, norm.bias,
                           norm.options.eps());
}

Mixed mix_slots_by_definition(const MixInputs& inputs, const MixWeights& weights) {
  const int64_t heads = inputs.mixed.size(1);
  const Tensor c = concat_heads(project_slots(inputs.mixed, inputs.row_sums, weights.pv));
  const Tensor y = mix_by_definition(c, inputs.keys.defined() ? inputs.keys : c, weights, heads, inputs.dropout);
  Tensor slots = out_slots(split_heads(y, heads), weights.out);  // (B, h, d_p, D)
  if (inputs.adds_bias) {
    const Tensor& bias = weights.out->bias;
    slots = slots + torch::cat({bias.unsqueeze(0), bias.new_zeros({heads - 1, bias.size(0)})}).unsqueeze(1);
  }
  return {c, slots};
}

}  // namespace fusion
