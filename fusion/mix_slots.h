// What DBA does between its two passes over the rows: all of it on slots.
#pragma once

#include <torch/torch.h>

namespace fusion {

/// Letters: B, D, h, d_p, d_in as in fusion/sequence.h.
struct MixWeights {
  torch::nn::Linear pv;       // A_pv, D -> D
  torch::nn::Linear q, k;     // A_q, A_k, D -> d_in
  torch::nn::Linear v;        // A_v, D -> D
  torch::nn::LayerNorm norm;  // over D
  torch::nn::Linear out;      // A_o, D -> D
};

struct MixInputs {
  torch::Tensor mixed;     // W X per head, (B, h, d_p, D)
  torch::Tensor row_sums;  // W 1, (B, h, d_p, 1); undefined: all are 1
  torch::Tensor keys;      // what keys and values are made of, (B, d_p, D); undefined: C
  double dropout = 0;      // probability, on the weights of slots
  bool adds_bias = false;  // A_o's bias, to the slots of the first head: to each row, where the weights by which
                           // restore_rows makes rows of them sum to 1 for a head, as they do without dropout
};

struct Mixed {
  torch::Tensor c;      // the compressed sequence C, (B, d_p, D)
  torch::Tensor slots;  // Y_i A_o,i of each head, (B, h, d_p, D): what restore_rows takes
};

/// C = concat of (W X)_i A_pv,i, Y = LayerNorm(concat of softmax((C A_q)_i (K A_k)_i^T / sqrt(r)) (K A_v)_i) and
/// Y_i A_o,i; the middle of DBA's formulas (see dba_attention.h) with its products moved to the slots. Differentiable
/// in all tensors and weights.
///
/// On a CPU in float32, float64 and bfloat16 (computed in float32) as one operation: the few slots are the columns of
/// its products, which spares a library the turning round of D x D weights that takes longer than the product.
/// Elsewhere LibTorch's operators.
Mixed mix_slots(const MixInputs& inputs, const MixWeights& weights);

/// The same by LibTorch's operators on any device, from the definition.
Mixed mix_slots_by_definition(const MixInputs& inputs, const MixWeights& weights);

/// The second half of the definition: Y, (B, d_p, D), of C and of what keys are made of. `dropout` as in MixInputs.
torch::Tensor mix_by_definition(const torch::Tensor& c, const torch::Tensor& keys, const MixWeights& weights,
                                int64_t heads, double dropout);

}  // namespace fusion
