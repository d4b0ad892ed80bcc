#include "vqa/extractor.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "data/settings.h"
#include "vqa/done_behind.h"
#include "vqa/picture_batch.h"

namespace vqa {

struct BadPlace {
  const ExtractedImage* image = nullptr;
  std::string reason;
};

struct Extractor::Batch {
  Images images;        // I
  int64_t lacking = 0;  // images that the store does not have
  std::once_flag begun;
  std::optional<PictureBatch> pictures;  // from the first one's decoding until all are collected

  int64_t size() const { return static_cast<int64_t>(images.size()); }
  double pixels() const {
    return static_cast<double>(size()) * static_cast<double>(images[0]->size.height * images[0]->size.width);
  }
};

struct Extractor::Decoded {
  Images images;         // I
  torch::Tensor pixels;  // (I, 3, H, W) uint8 in channels-last order
  std::vector<BadPlace> bad;
};

struct Extractor::Computed {
  Images images;           // I
  torch::Tensor features;  // (I, h, w, C) in the store's type
  std::vector<BadPlace> bad;
};

namespace {

constexpr int64_t kWaiting = 16;  // images that are computed and wait to be written, or one batch of more

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

}  // namespace

void validate(const ExtractorOptions& options) { data::check_range("batch", options.batch, 1, 1024); }

Extractor::Extractor(GridNetwork network, const vision::ImageTransform& transform, ExtractorOptions options)
    : network_(std::move(network)), transform_(transform), options_(std::move(options)) {
  validate(options_);
}

std::deque<Extractor::Batch> Extractor::lacking(const std::vector<ExtractedImage>& images,
                                                const data::GridStoreWriter& writer) const {
  std::deque<Batch> batches;
  for (Images& batch : batches_of(images, options_.batch)) {
    const int64_t lacking = std::count_if(batch.begin(), batch.end(), [&](const ExtractedImage* image) {
      return !writer.written(image->split, image->image);
    });
    if (lacking == 0) continue;
    Batch& own = batches.emplace_back();
    own.images = std::move(batch);
    own.lacking = lacking;
  }
  return batches;
}

std::string Extractor::decode(Batch& batch, size_t image) const {
  std::call_once(batch.begun, [&] {
    const ExtractedSize& size = batch.images[0]->size;
    batch.pictures.emplace(batch.size(), vision::Extent{size.height, size.width}, transform_);
  });
  try {
    batch.pictures->fill(static_cast<int64_t>(image), batch.images[image]->path);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

Extractor::Decoded Extractor::collect(Batch& batch, MadeAhead<std::string>& reasons) {
  Decoded decoded;
  std::vector<int64_t> places;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const ExtractedImage* image = batch.images[static_cast<size_t>(i)];
    std::string reason = *reasons.next();
    if (reason.empty()) {
      places.push_back(i);
      decoded.images.push_back(image);
    } else {
      decoded.bad.push_back({image, std::move(reason)});
    }
  }
  decoded.pixels = batch.pictures->pixels();
  batch.pictures.reset();
  if (!decoded.bad.empty()) {
    decoded.pixels = decoded.pixels.index_select(0, torch::tensor(places, torch::kInt64))
                         .contiguous(torch::MemoryFormat::ChannelsLast);
  }
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

void Extractor::compute_all(std::deque<Batch>& batches, data::GridStoreWriter& writer, ExtractionOutcome& outcome,
                            ExtractionProgress progress) const {
  std::vector<std::pair<Batch*, size_t>> places;
  double work = 0, worked = 0;  // pixels
  for (Batch& batch : batches) {
    for (size_t i = 0; i < batch.images.size(); ++i) places.emplace_back(&batch, i);
    work += batch.pixels();
  }
  LoaderOptions ahead = options_.loader;
  ahead.queue += options_.batch;
  MadeAhead<std::string> reasons(
      places.size(), [&](size_t index) { return decode(*places[index].first, places[index].second); }, ahead);
  // From here on the writer is that thread's.
  DoneBehind<Computed> writing([&](const Computed& computed) { write(computed, writer); },
                               static_cast<size_t>(std::max<int64_t>(1, kWaiting / options_.batch)));
  for (Batch& batch : batches) {
    if (stopped()) break;
    Computed computed = compute(collect(batch, reasons), writer.type());
    for (const BadPlace& bad : computed.bad) {
      outcome.bad.push_back({bad.image->path, bad.reason});
      if (options_.on_bad) options_.on_bad(outcome.bad.back());
    }
    writing.put(std::move(computed));
    worked += batch.pixels();
    progress.done += batch.lacking;
    progress.computed += batch.size();
    progress.share = worked / work;
    if (options_.on_batch) options_.on_batch(progress);
  }
  writing.drain();
}

ExtractionOutcome Extractor::run(const std::vector<ExtractedImage>& images, data::GridStoreWriter& writer) {
  const torch::NoGradGuard no_gradients;
  ExtractionOutcome outcome;
  std::deque<Batch> batches = lacking(images, writer);
  compute_all(batches, writer, outcome, {.done = writer.written(), .total = static_cast<int64_t>(images.size())});
  writer.sync();
  outcome.finished = !stopped();
  if (!outcome.finished) return outcome;
  if (writer.written() == 0 && !outcome.bad.empty()) refuse_all(outcome.bad.front());
  writer.finish();
  return outcome;
}

}  // namespace vqa
