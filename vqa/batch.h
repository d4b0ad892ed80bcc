// What one step of training or evaluation works on, and how a split is cut into such batches.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <span>
#include <vector>

#include "data/split.h"

namespace vqa {

/// Soft targets of Q questions, sparse: entry s says that answer `answers[s]` of question `rows[s]` has `scores[s]`.
struct SparseTargets {
  torch::Tensor rows;     // (S) int64
  torch::Tensor answers;  // (S) int64
  torch::Tensor scores;   // (S) float32, above 0 and at most 1
};

/// I images and the Q >= I questions about them. Either `images` or `grid` is defined.
struct Batch {
  torch::Tensor images;             // (I, 3, H, W) uint8, RGB
  torch::Tensor grid;               // (I, n, C) float32, given grid features, cells row by row
  torch::Tensor grid_lengths;       // (I) int64: cells of each image; undefined when all have n
  torch::Tensor grid_sizes;         // (I, 2) int64, on the CPU: rows and columns; undefined where cells have none
  torch::Tensor image_index;        // (Q) int64: the image each question is about
  torch::Tensor tokens;             // (Q, T) int64, 0 past a question's length
  torch::Tensor token_lengths;      // (Q) int64, on the CPU
  torch::Tensor question_features;  // (Q, T, C) float32: a frozen question encoder's output; undefined: from `tokens`
  SparseTargets targets;            // undefined tensors in a batch that is only to be answered
  std::vector<size_t> questions;    // (Q): each question's index in the split

  /// Sets `tokens` and `token_lengths` from the ids of Q questions, padded to the longest.
  void set_tokens(const std::vector<std::span<const int64_t>>& questions);

  /// The same batch on another device.
  Batch to(torch::Device device) const;
};

/// The images of a batch and the questions asked about them, as indices into a split.
struct BatchPlan {
  std::vector<size_t> images;        // (I) indices into Split::images()
  std::vector<size_t> questions;     // (Q) indices into Split::questions()
  std::vector<int64_t> image_index;  // (Q) positions in `images`
  int64_t seed = -1;                 // of what is changed at random in training; -1 for nothing
};

/// Cuts a split into batches of at most `batch_size` questions. The questions of one image stay together where they
/// fit, so that an image is decoded and put through the backbone once for all of them. `seed` undefined (-1) keeps the
/// split's order; any other value gives its own order of images, on any machine, and goes into the plans.
std::vector<BatchPlan> plan_batches(const data::Split& split, int64_t batch_size, int64_t seed = -1);

}  // namespace vqa
