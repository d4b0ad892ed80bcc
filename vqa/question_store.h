// What a frozen question encoder gives, computed once and kept.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/grid_store.h"
#include "text/question_encoder.h"
#include "vqa/batch.h"

namespace vqa {

/// Ids of a question's tokens.
using Tokens = std::vector<int64_t>;

struct QuestionStoreOptions {
  std::filesystem::path path;
  std::string encoder;                                                // its name, for those who look into the file
  std::function<void(int64_t done, int64_t total)> on_progress = {};  // questions
  const std::atomic<bool>* stop = nullptr;                            // becomes true where the work is to end
};

/// The features of every different question: a grid store (data/grid_store.h) with one split, in which a question is a
/// row of T cells under a number made of its tokens. Letters: Q questions, T tokens, C features. Reading is
/// thread-safe.
class QuestionStore {
 public:
  static constexpr const char* kSplit = "questions";

  /// Opens the store at the path where it is of these very weights and has all the questions; otherwise computes and
  /// writes one of these questions there, going on where an earlier attempt was killed. `encoder` is in evaluation
  /// mode. Null where it was stopped. Throws std::runtime_error as data::GridStore and data::GridStoreWriter do.
  static std::unique_ptr<const QuestionStore> open(text::QuestionEncoderImpl& encoder,
                                                   const std::vector<std::span<const Tokens>>& questions,
                                                   const QuestionStoreOptions& options);

  /// Opens a finished store.
  explicit QuestionStore(const std::filesystem::path& path) : store_(path) {}

  /// (Q, T, C) float32, zero past a question's length. Throws std::runtime_error for a question that the store lacks.
  torch::Tensor read(const std::vector<std::span<const int64_t>>& questions) const;

  const data::GridStore& store() const { return store_; }

 private:
  data::GridStore store_;
};

}  // namespace vqa
