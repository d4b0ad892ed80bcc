// An ALBERT as people download it from Hugging Face: a folder with its configuration, weights and SentencePiece model.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/tensor_file.h"
#include "text/albert_options.h"

namespace text {

struct AlbertFolder {
  AlbertOptions options;
  bool lower_case = true;  // what the tokenizer does before SentencePiece
  bool keep_accents = false;
  std::filesystem::path spiece;   // the SentencePiece model, a file that is there
  std::filesystem::path weights;  // the file that `tensors` are from
  data::TensorFile tensors;       // by albert_tensors()'s names and in their shapes, all finite

  /// The tensors for a vocabulary of the first `pieces` tokens: published models have embeddings to spare.
  data::TensorFile tensors_for(int64_t pieces) const;
};

/// Reads `config.json`, whose settings are Hugging Face's defaults where absent; `model.safetensors` or else
/// `pytorch_model.bin`, with any prefix and whatever heads; and `tokenizer_config.json` where there is one. Throws
/// std::runtime_error with the path for a file that is missing or damaged, another architecture, a setting that is not
/// supported, and a tensor that is missing, not finite, of another shape or of a layer that there is not.
AlbertFolder read_albert_folder(const std::filesystem::path& folder);

}  // namespace text
