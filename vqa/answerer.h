// Answers to questions about one picture, or about none.
#pragma once

#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

#include "vqa/bundle.h"

namespace vqa {

/// An answer and its probability by the model's loss (vqa/loss.h). With `binary`, several answers can be right: the
/// probabilities of all answers do not add up to one.
struct RankedAnswer {
  std::string text;
  double probability = 0;
};

/// What the model says to one question.
struct Answer {
  std::string question;
  std::vector<RankedAnswer> answers;  // most probable first
  cv::Mat attention;  // (h, w) float32: where the model looked, sums to one; empty where it saw no picture
};

struct AnswererOptions {
  bool one_picture = false;  // answer() is called once: the backbone is let go before other weights take memory
};

/// Answers questions with a bundle. Not thread-safe.
class Answerer {
 public:
  explicit Answerer(Bundle bundle, const AnswererOptions& options = {});

  /// The `top` most probable answers to each question about one picture, 8-bit RGB (H, W, 3), which goes through the
  /// backbone once for all of them; it is not looked at where the model answers from the question alone. Throws
  /// std::runtime_error for a question that is empty or no UTF-8, and where the model needs a picture and has no
  /// backbone to look at it.
  std::vector<Answer> answer(const cv::Mat& image, const std::vector<std::string>& questions, int64_t top);

  /// The same from a picture's features in a store, for a model that takes such (require_same_grids).
  std::vector<Answer> answer(const data::GridStore& store, const data::GridImage& image,
                             const std::vector<std::string>& questions, int64_t top);

 private:
  std::vector<Answer> answer(Batch batch, const std::vector<std::string>& questions, int64_t top);
  ModelOutput run(const Batch& batch);

  Bundle bundle_;
  AnswererOptions options_;
};

}  // namespace vqa
