#include "vqa/overlay.h"

#include <algorithm>
#include <cstdio>
#include <opencv2/imgproc.hpp>
#include <sstream>

namespace vqa {
namespace {

// The sheet's measures, in pixels.
constexpr int kPictureHeight = 320;
constexpr int kMaxPictureWidth = 640;
constexpr int kPanelWidth = 400;
constexpr int kMargin = 16;
constexpr int kLineHeight = 26;
constexpr int kBarWidth = 110;
constexpr double kFontSize = 0.55;

const cv::Scalar kPaper(255, 255, 255), kInk(32, 32, 32), kBar(70, 130, 200), kBarGround(228, 232, 238);

/// The picture with the attention over it: colours by attention relative to the most looked-at cell, stronger where it
/// is higher, so that what was not looked at stays as it is.
cv::Mat heat_map(const cv::Mat& picture, const cv::Mat& attention) {
  double most = 0;
  cv::minMaxLoc(attention, nullptr, &most);
  cv::Mat smooth, level, colours;
  cv::resize(attention / std::max(most, 1e-12), smooth, picture.size(), 0, 0, cv::INTER_CUBIC);
  smooth = cv::min(cv::max(smooth, 0.0), 1.0);
  smooth.convertTo(level, CV_8U, 255);
  cv::applyColorMap(level, colours, cv::COLORMAP_JET);
  cv::cvtColor(colours, colours, cv::COLOR_BGR2RGB);
  cv::Mat result(picture.size(), CV_8UC3);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      const float strength = 0.6F * smooth.at<float>(y, x);
      for (int c = 0; c < 3; ++c) {
        const auto mixed = static_cast<float>(picture.at<cv::Vec3b>(y, x)[c]) * (1 - strength) +
                           static_cast<float>(colours.at<cv::Vec3b>(y, x)[c]) * strength;
        result.at<cv::Vec3b>(y, x)[c] = cv::saturate_cast<uchar>(mixed);
      }
    }
  }
  return result;
}

/// OpenCV's fonts have ASCII alone; any other character becomes one question mark.
std::string ascii(const std::string& text) {
  std::string plain;
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x80 && code < 0xC0) continue;
    plain += code >= 32 && code < 127 ? byte : '?';
  }
  return plain;
}

int text_width(const std::string& text) {
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, kFontSize, 1, nullptr).width;
}

/// `text` in lines of at most `width` pixels, `most` of them.
std::vector<std::string> wrap(const std::string& text, int width, size_t most) {
  std::vector<std::string> lines;
  std::istringstream words(ascii(text));
  for (std::string word; words >> word;) {
    while (text_width(word) > width) word.pop_back();
    if (!lines.empty() && text_width(lines.back() + " " + word) <= width) {
      lines.back() += " " + word;
    } else if (lines.size() == most) {
      lines.back() += " ...";
      break;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

void put(cv::Mat& sheet, const std::string& text, cv::Point at, int thickness = 1) {
  cv::putText(sheet, text, at, cv::FONT_HERSHEY_SIMPLEX, kFontSize, kInk, thickness, cv::LINE_AA);
}

void draw_panel(cv::Mat panel, const Answer& answer) {
  int y = kMargin + kLineHeight / 2;
  for (const std::string& line : wrap(answer.question, panel.cols - 2 * kMargin, 4)) {
    put(panel, line, {kMargin, y}, 2);
    y += kLineHeight;
  }
  y += kLineHeight / 2;
  for (const RankedAnswer& ranked : answer.answers) {
    if (y > panel.rows - kMargin) break;
    const cv::Rect ground(kMargin, y - 12, kBarWidth, 14);
    cv::rectangle(panel, ground, kBarGround, cv::FILLED);
    const int filled = static_cast<int>(ranked.probability * kBarWidth + 0.5);
    if (filled > 0) cv::rectangle(panel, {ground.x, ground.y, filled, ground.height}, kBar, cv::FILLED);
    char number[16];
    std::snprintf(number, sizeof(number), "%5.1f%%", ranked.probability * 100);
    put(panel, number, {kMargin + kBarWidth + 8, y});
    const auto text = wrap(ranked.text, panel.cols - kBarWidth - 100 - kMargin, 1);
    if (!text.empty()) put(panel, text.front(), {kMargin + kBarWidth + 84, y});
    y += kLineHeight;
  }
}

}  // namespace

cv::Mat draw_overlay(const cv::Mat& image, const std::vector<Answer>& answers) {
  const double scale =
      std::min(static_cast<double>(kPictureHeight) / image.rows, static_cast<double>(kMaxPictureWidth) / image.cols);
  const cv::Size size(std::max(1, cvRound(image.cols * scale)), std::max(1, cvRound(image.rows * scale)));
  cv::Mat picture;
  cv::resize(image, picture, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  const int row_height = kPictureHeight + 2 * kMargin;
  cv::Mat sheet(row_height * static_cast<int>(answers.size()), size.width + 2 * kMargin + kPanelWidth, CV_8UC3, kPaper);
  for (size_t i = 0; i < answers.size(); ++i) {
    const int top = static_cast<int>(i) * row_height;
    heat_map(picture, answers[i].attention)
        .copyTo(sheet(cv::Rect(kMargin, top + kMargin + (kPictureHeight - size.height) / 2, size.width, size.height)));
    draw_panel(sheet(cv::Rect(size.width + 2 * kMargin, top, kPanelWidth, row_height)), answers[i]);
  }
  return sheet;
}

}  // namespace vqa
