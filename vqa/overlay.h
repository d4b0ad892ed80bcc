// A picture of an answer: where the model looked, and what it said.
#pragma once

#include <opencv2/core/mat.hpp>
#include <vector>

#include "vqa/answerer.h"

namespace vqa {

/// One row per answer: the picture under a heat map of the model's attention, and beside it the question and the ranked
/// answers with their probabilities. `image` and the result are 8-bit RGB.
cv::Mat draw_overlay(const cv::Mat& image, const std::vector<Answer>& answers);

}  // namespace vqa
