#include "vqa/picture_batch.h"

#include <cstring>
#include <stdexcept>

#include "vision/image.h"

namespace vqa {

PictureBatch::PictureBatch(int64_t places, const vision::Extent& size, const vision::ImageTransform& transform)
    : size_(size),
      transform_(transform),
      pixels_(torch::empty({places, 3, size.height, size.width},
                           torch::TensorOptions(torch::kUInt8).memory_format(torch::MemoryFormat::ChannelsLast))) {}

void PictureBatch::fill(int64_t place, const std::filesystem::path& picture) {
  const torch::Tensor one = transform_.resize(vision::read_image(picture));  // (3, H, W)
  if (one.size(1) != size_.height || one.size(2) != size_.width)
    throw std::runtime_error(picture.string() + ": has another size than its header says; save it again");
  // Both have the channels last; a plain copy keeps LibTorch's threads out of the decoding ones.
  const int64_t bytes = one.numel();
  std::memcpy(pixels_.data_ptr<uint8_t>() + place * bytes, one.const_data_ptr<uint8_t>(), static_cast<size_t>(bytes));
}

}  // namespace vqa
