#include "vqa/overlay.h"

#include <gtest/gtest.h>

namespace vqa {
namespace {

Answer looking_at(int row, int column) {
  Answer answer{
      "What is in the corner of this picture, and why would anybody \xC3\xA4sk?", {{"dog", 0.93}, {"cat", 0.2}}, {}};
  answer.attention = cv::Mat::zeros(4, 4, CV_32F);
  answer.attention.at<float>(row, column) = 1;
  return answer;
}

TEST(Overlay, ColoursWhereTheModelLookedAndLeavesTheRest) {
  const cv::Mat grey(64, 64, CV_8UC3, cv::Scalar(128, 128, 128));
  const cv::Mat sheet = draw_overlay(grey, {looking_at(0, 0), looking_at(3, 3)});
  EXPECT_EQ(sheet.type(), CV_8UC3);
  const int row = sheet.rows / 2, margin = 16, side = row - 2 * margin;
  const auto pixel = [&](int top, double y, double x) {
    return sheet.at<cv::Vec3b>(top + margin + static_cast<int>(y * side), margin + static_cast<int>(x * side));
  };
  EXPECT_EQ(pixel(0, 0.9, 0.9), cv::Vec3b(128, 128, 128));
  const auto redness = [](const cv::Vec3b& rgb) { return rgb[0] - rgb[2]; };
  EXPECT_GT(redness(pixel(0, 0.1, 0.1)), 60);
  EXPECT_EQ(pixel(row, 0.1, 0.1), cv::Vec3b(128, 128, 128));
  EXPECT_GT(redness(pixel(row, 0.9, 0.9)), 60);
}

TEST(Overlay, TakesPicturesOfAnyShape) {
  for (const cv::Size size : {cv::Size(1, 1), cv::Size(2000, 10), cv::Size(10, 2000)}) {
    const cv::Mat sheet = draw_overlay(cv::Mat(size, CV_8UC3, cv::Scalar(1, 2, 3)), {looking_at(1, 2)});
    EXPECT_GT(sheet.cols, 400);
    EXPECT_LT(sheet.cols, 1200);
  }
}

}  // namespace
}  // namespace vqa
