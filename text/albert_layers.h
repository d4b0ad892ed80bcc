// What an ALBERT computes, in two ways: of LibTorch's differentiable functions on any device, and of kernels for
// inference on a CPU.
#pragma once

#include <torch/torch.h>

#include "text/albert_options.h"
#include "text/albert_weights.h"
#include "text/packed_attention.h"

namespace text {

/// Checks what an encoder is given and packs it. Throws std::invalid_argument for a length out of 1 to T or above
/// `positions`, and for ids on the CPU that the vocabulary does not have.
PackedQuestions pack_questions(const torch::Tensor& ids, const torch::Tensor& lengths, const AlbertOptions& options);

/// The embeddings' sum and layer norm: `ids` (N) and `positions` (N) of tokens -> (N, E).
torch::Tensor embed_tokens(const torch::Tensor& ids, const torch::Tensor& positions, const AlbertWeights& weights,
                           double eps);

/// Letters as in text/packed_attention.h and text/albert_weights.h. `ids` (Q, T) int64 -> (Q, T, D) in the weights'
/// type, zero past each question's length. Weights are all of one type.
torch::Tensor run_albert(const torch::Tensor& ids, const PackedQuestions& questions, const AlbertWeights& weights,
                         const AlbertOptions& options);

/// The same without gradients, everything on the CPU, as float32. Matrices are all float32 or all bfloat16, which
/// activations are then too; vectors and the embeddings' tables are float32.
///
/// Questions are shared out among threads, each of which takes its own through all layers without waiting for another;
/// where they are too few for that, threads work together within each matrix product.
torch::Tensor infer_albert(const torch::Tensor& ids, const PackedQuestions& questions, const AlbertWeights& weights,
                           const AlbertOptions& options);

}  // namespace text
