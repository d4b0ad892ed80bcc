#include "vqa/extractor.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "data/settings.h"
#include "vision/image.h"
#include "vqa/done_behind.h"

namespace vqa {

struct BadPlace {
  const ExtractedImage* image = nullptr;
  std::string reason;
};

struct Extractor::Decoded {
  Batch images;          // I
  torch::Tensor pixels;  // (I, 3, H, W) uint8 in channels-last order
  std::vector<BadPlace> bad;
};

struct Extractor::Computed {
  Batch images;            // I
  torch::Tensor features;  // (I, h, w, C) in the store's type
  std::vector<BadPlace> bad;
};

namespace {

constexpr size_t kWaiting = 2;  // batches that are computed and not yet written, at most

/// Whether one of the numbers is infinite or none: then all bits of its exponent are set.
template <class Bits>
bool any_not_finite(const void* features, size_t count, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(features);
  bool found = false;
  for (size_t i = 0; i < count; ++i) found |= (bits[i] & exponent) == exponent;
  return found;
}

void require_finite(const torch::Tensor& features, const ExtractedImage& image) {
  const auto count = static_cast<size_t>(features.numel());
  const bool half = features.scalar_type() == torch::kFloat16;
  const bool bad = half ? any_not_finite<uint16_t>(features.const_data_ptr(), count, 0x7C00)
                        : any_not_finite<uint32_t>(features.const_data_ptr(), count, 0x7F80'0000);
  if (!bad) return;
  throw std::runtime_error(image.path.string() + ": its features are " +
                           (half ? "too large for fp16; extract with --dtype fp32" : "infinite or not numbers") +
                           ", or these are not the backbone's weights");
}

/// Images of one size together, all sizes of a run: the largest first, so that too little memory shows at once.
std::vector<std::vector<const ExtractedImage*>> batches_of(const std::vector<ExtractedImage>& images, int64_t most) {
  std::map<std::tuple<int64_t, int64_t, int64_t>, std::vector<const ExtractedImage*>, std::greater<>> by_size;
  for (const ExtractedImage& image : images)
    by_size[{image.size.height * image.size.width, image.size.height, image.size.width}].push_back(&image);
  std::vector<std::vector<const ExtractedImage*>> batches;
  for (const auto& [size, alike] : by_size) {
    for (size_t i = 0; i < alike.size(); ++i) {
      if (i % static_cast<size_t>(most) == 0) batches.emplace_back();
      batches.back().push_back(alike[i]);
    }
  }
  return batches;
}

double pixels_of(const std::vector<const ExtractedImage*>& batch) {
  return static_cast<double>(batch.size()) * static_cast<double>(batch[0]->size.height * batch[0]->size.width);
}

}  // namespace

Extractor::Extractor(GridNetwork network, const vision::ImageTransform& transform, ExtractorOptions options)
    : network_(std::move(network)), transform_(transform), options_(std::move(options)) {
  data::check_range("batch", options_.batch, 1, 1024);
}

Extractor::Decoded Extractor::decode(const Batch& batch) const {
  Decoded decoded;
  const int64_t height = batch[0]->size.height, width = batch[0]->size.width;
  const auto bytes = static_cast<size_t>(3 * height * width);
  const torch::Tensor pixels =
      torch::empty({static_cast<int64_t>(batch.size()), 3, height, width},
                   torch::TensorOptions(torch::kUInt8).memory_format(torch::MemoryFormat::ChannelsLast));
  auto* at = pixels.data_ptr<uint8_t>();
  for (const ExtractedImage* image : batch) {
    try {
      const torch::Tensor one = transform_.resize(vision::read_image(image->path));  // (3, H, W)
      if (one.size(1) != height || one.size(2) != width)
        throw std::runtime_error(image->path.string() + ": has another size than its header says; save it again");
      // Both have the channels last; a plain copy keeps LibTorch's threads out of the decoding ones.
      std::memcpy(at, one.const_data_ptr<uint8_t>(), bytes);
      at += bytes;
      decoded.images.push_back(image);
    } catch (const std::runtime_error& error) {
      decoded.bad.push_back({image, error.what()});
    }
  }
  decoded.pixels = pixels.narrow(0, 0, static_cast<int64_t>(decoded.images.size()));
  return decoded;
}

Extractor::Computed Extractor::compute(Decoded decoded, data::GridType type) const {
  Computed computed{std::move(decoded.images), {}, std::move(decoded.bad)};
  if (computed.images.empty()) return computed;
  const torch::Tensor grids = network_(transform_.normalize(decoded.pixels.to(options_.device)));  // (I, C, h, w)
  for (const ExtractedImage* image : computed.images) {
    if (grids.size(2) != image->size.grid_height || grids.size(3) != image->size.grid_width)
      throw std::logic_error(image->path.string() + ": its grid has another size than was planned");
  }
  const auto number = type == data::GridType::kHalf ? torch::kFloat16 : torch::kFloat32;
  computed.features = grids.permute({0, 2, 3, 1}).to(number).contiguous().to(torch::kCPU);
  return computed;
}

void Extractor::write(const Computed& computed, data::GridStoreWriter& writer) {
  for (const BadPlace& bad : computed.bad) {
    // A resumed run decodes a whole batch again: what an earlier one could read stays.
    if (!writer.written(bad.image->split, bad.image->image)) writer.mark_absent(bad.image->split, bad.image->image);
  }
  for (size_t i = 0; i < computed.images.size(); ++i) {
    const ExtractedImage& image = *computed.images[i];
    if (writer.written(image.split, image.image)) continue;
    const torch::Tensor features = computed.features[static_cast<int64_t>(i)];  // (h, w, C)
    require_finite(features, image);
    writer.write(image.split, image.image, features.const_data_ptr());
  }
}

ExtractionOutcome Extractor::run(const std::vector<ExtractedImage>& images, data::GridStoreWriter& writer) {
  const torch::NoGradGuard no_gradients;
  double work = 0, worked = 0;  // pixels
  std::vector<Batch> batches;
  std::vector<int64_t> fresh;  // by batch: images that the store lacks
  for (Batch& batch : batches_of(images, options_.batch)) {
    const int64_t lacking = std::count_if(batch.begin(), batch.end(), [&](const ExtractedImage* image) {
      return !writer.written(image->split, image->image);
    });
    if (lacking == 0) continue;
    work += pixels_of(batch);
    fresh.push_back(lacking);
    batches.push_back(std::move(batch));
  }
  ExtractionProgress progress{.done = writer.written(), .total = static_cast<int64_t>(images.size())};
  ExtractionOutcome outcome;
  {
    MadeAhead<Decoded> decoded(
        batches.size(), [&](size_t index) { return decode(batches[index]); }, options_.loader);
    // From here to the end of the block the writer is that thread's.
    DoneBehind<Computed> writing([&](const Computed& computed) { write(computed, writer); }, kWaiting);
    for (size_t i = 0; i < batches.size() && !stopped(); ++i) {
      Computed computed = compute(*decoded.next(), writer.type());
      for (const BadPlace& bad : computed.bad) {
        outcome.bad.push_back({bad.image->path, bad.reason});
        if (options_.on_bad) options_.on_bad(outcome.bad.back());
      }
      writing.put(std::move(computed));
      worked += pixels_of(batches[i]);
      progress.done += fresh[i];
      progress.computed += static_cast<int64_t>(batches[i].size());
      progress.share = worked / work;
      if (options_.on_batch) options_.on_batch(progress);
    }
    writing.drain();
  }
  writer.sync();
  outcome.finished = !stopped();
  if (outcome.finished) writer.finish();
  return outcome;
}

}  // namespace vqa
