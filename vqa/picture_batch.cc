#include "vqa/picture_batch.h"

#include <stdexcept>

#include "vision/image.h"

namespace vqa {

PictureBatch::PictureBatch(int64_t places, const vision::Extent& size, const vision::ImageTransform& transform)
    : size_(size),
      transform_(transform),
      pixels_(torch::empty({places, 3, size.height, size.width},
                           torch::TensorOptions(torch::kUInt8).memory_format(torch::MemoryFormat::ChannelsLast))) {}

void PictureBatch::fill(int64_t place, const std::filesystem::path& picture, const vision::Augmentation* augmentation) {
  cv::Mat decoded = vision::read_image(picture);
  if (augmentation != nullptr) decoded = augmentation->crop(decoded);
  const torch::Tensor one = transform_.resize(decoded);  // (3, H, W)
  if (one.size(1) != size_.height || one.size(2) != size_.width)
    throw std::runtime_error(picture.string() + ": has another size than its header says; save it again");
  // Both have the channels last; OpenCV's copy keeps LibTorch's threads out of the decoding ones.
  const auto height = static_cast<int>(size_.height), width = static_cast<int>(size_.width);
  const cv::Mat from(height, width, CV_8UC3, one.data_ptr<uint8_t>(), static_cast<size_t>(one.stride(1)));
  cv::Mat into(height, width, CV_8UC3, pixels_.data_ptr<uint8_t>() + place * one.numel());
  from.copyTo(into);
  if (augmentation != nullptr) augmentation->change(into);
}

}  // namespace vqa
