// The network in a checkpoint of openvqa or mcan-vqa.
#pragma once

#include <cstdint>
#include <filesystem>

#include "vqa/openvqa_names.h"

namespace vqa {

/// A checkpoint's tensors, found to be all of an MCAN's and of its sizes.
struct OpenvqaCheckpoint {
  std::filesystem::path path;
  OpenvqaDialect dialect = openvqa_dialects().front();
  Config config;             // the published recipe with the checkpoint's sizes
  int64_t words = 0;         // rows of the embedding, of special words too
  int64_t answers = 0;       // rows of the last layer
  int64_t channels = 0;      // of the grid features
  data::TensorFile tensors;  // by published names, without a prefix; the embedding has our rows

  /// The size that a tokenizer's vocabulary of ours has with it.
  int64_t our_words() const { return words - extra_rows(dialect); }
};

/// Reads a checkpoint in any format of data/tensor_file.h. `heads`, which no tensor tells, divides the width. Throws
/// std::invalid_argument where it does not, and std::runtime_error of one line with the path where the file cannot be
/// read or is no MCAN's: naming tensors that are missing, or that MCAN does not have.
OpenvqaCheckpoint read_openvqa_checkpoint(const std::filesystem::path& path, int64_t heads);

/// Copies the checkpoint's numbers into a model of its sizes.
void load_openvqa(const OpenvqaCheckpoint& checkpoint, const ModelImpl& model);

}  // namespace vqa
