// What a frozen question encoder gives, computed once and kept.
#pragma once

#include <torch/torch.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/grid_store.h"

namespace vqa {

/// Ids of a question's tokens.
using Tokens = std::vector<int64_t>;

/// A question encoder whose weights do not change. Letters: Q questions, T tokens of the longest, C features.
struct FrozenQuestionEncoder {
  std::string name;         // for those who look into the file
  std::string fingerprint;  // another for everything that gives other features
  int64_t dim = 0;          // C
  std::function<torch::Tensor(const torch::Tensor& ids, const torch::Tensor& lengths)> encode;  // -> (Q, T, C)
};

struct QuestionStoreOptions {
  std::filesystem::path path;
  std::function<void(int64_t done, int64_t total)> on_progress = {};  // questions
  const std::atomic<bool>* stop = nullptr;                            // becomes true where the work is to end
};

/// The features of every different question: a grid store (data/grid_store.h) with one split, in which a question is a
/// row of T cells under a number made of its tokens. Reading is thread-safe.
class QuestionStore {
 public:
  static constexpr const char* kSplit = "questions";

  /// Opens the store at the path where it is of this very encoder and has all the questions; otherwise computes and
  /// writes one of these questions there, going on where an earlier attempt was killed, to the same bytes. Null where
  /// it was stopped. Throws std::runtime_error as data::GridStore and data::GridStoreWriter do, and for features that
  /// half precision cannot hold.
  static std::unique_ptr<const QuestionStore> open(const FrozenQuestionEncoder& encoder,
                                                   const std::vector<std::span<const Tokens>>& questions,
                                                   const QuestionStoreOptions& options);

  /// (Q, T, C) float32, zero past a question's length. Throws std::runtime_error for a question that the store lacks.
  torch::Tensor read(const std::vector<std::span<const int64_t>>& questions) const;

 private:
  explicit QuestionStore(const std::filesystem::path& path) : store_(path) {}
  const data::GridImage* find(std::span<const int64_t> ids) const;

  data::GridStore store_;
};

}  // namespace vqa
