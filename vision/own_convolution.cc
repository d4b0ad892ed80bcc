#include "vision/own_convolution.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "vision/convolution_kernels.h"

namespace vision {
namespace {

constexpr int64_t kRowsAtATime = 96;                    // of a 1x1 convolution: 256 channels of them stay in cache
constexpr int64_t kFrequencyNumbers = 2 * 1024 * 1024;  // of transformed tiles at a time: 8 MB, within the last cache
constexpr int64_t kFewTiles = 48;                       // fewer are not worth transforming the weights for

int64_t quotient_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The i-th of `parts` nearly equal parts of 0..count-1.
Range part_of(int64_t count, int64_t i, int64_t parts) { return {count * i / parts, count * (i + 1) / parts}; }

/// Calls work(item, worker) once for each of `items`, on all threads: each takes the next item when it is done, so that
/// a thread that was held up holds up nobody. Workers count from 0 and are at most at::get_num_threads().
void share(int64_t items, const std::function<void(int64_t item, int64_t worker)>& work) {
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, at::get_num_threads(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t worker = begin; worker < end; ++worker) {
      for (int64_t item = next++; item < items; item = next++) work(item, worker);
    }
  });
}

/// Memory that all convolutions of a thread share: what they hold there means nothing afterwards. Of one `Purpose`.
template <class Purpose>
float* shared_memory(int64_t count) {
  thread_local torch::Tensor memory;
  if (!memory.defined() || memory.numel() < count) memory = on_large_pages(count);
  return memory.data_ptr<float>();
}

/// Weights with the scale multiplied in, in the kernels' order: (K / kPanel, C, taps, kPanel).
class Panels {
 public:
  /// Without `memory` they are packed anew at each use.
  Panels(const ConvolutionWeights& weights, WeightMemory* memory)
      : values_(weights.weight.to(torch::kFloat32).flatten(2)), scale_(weights.scale.contiguous()) {
    if (memory == nullptr) return;
    packed_ = memory->take({count(), values_.size(1), values_.size(2), kPanel});
    pack(packed_.data_ptr<float>());
    values_ = scale_ = torch::Tensor();
  }

  int64_t count() const { return (packed_.defined() ? packed_.size(0) : values_.size(0) / kPanel); }

  /// Valid until the next convolution of this thread.
  const float* data() const {
    if (packed_.defined()) return packed_.data_ptr<float>();
    float* packed = shared_memory<Panels>(values_.numel());
    pack(packed);
    return packed;
  }

 private:
  void pack(float* to) const {
    RawWeights raw;
    raw.values = values_.data_ptr<float>();
    raw.scale = scale_.data_ptr<float>();
    raw.strides = {values_.stride(0), values_.stride(1), values_.stride(2)};
    raw.in = values_.size(1);
    raw.taps = values_.size(2);
    const int64_t size = raw.in * raw.taps * kPanel;
    share(count(), [&](int64_t panel, int64_t) { pack_panel(raw, panel, to + panel * size); });
  }

  torch::Tensor values_, scale_;  // (K, C, taps), (K); undefined where the packed ones are kept
  torch::Tensor packed_;
};

/// What both kinds have: weights, bias, and an output that is taken from a buffer or added to.
class OwnConvolution : public FusedConvolution {
 public:
  OwnConvolution(const ConvolutionWeights& weights, WeightMemory* memory)
      : panels_(weights, memory), bias_(weights.bias.contiguous()) {}

  torch::Tensor forward(const torch::Tensor& x, ActivationBuffer& buffer, bool relu) override {
    const torch::Tensor input = prepare(x);
    torch::Tensor output = buffer.take({input.size(0), bias_.numel(), input.size(2), input.size(3)});
    run(input, output, {bias_.data_ptr<float>(), false, relu});
    return output;
  }

  void add_forward(const torch::Tensor& x, torch::Tensor& sum) override {
    TORCH_CHECK(sum.is_contiguous(at::MemoryFormat::ChannelsLast), "the sum is not in channels-last order");
    run(prepare(x), sum, {bias_.data_ptr<float>(), true, true});
  }

 protected:
  virtual torch::Tensor prepare(const torch::Tensor& x) { return x.contiguous(at::MemoryFormat::ChannelsLast); }
  virtual void run(const torch::Tensor& x, torch::Tensor& output, const Epilogue& epilogue) = 0;

  Panels panels_;
  torch::Tensor bias_;  // (K)
};

class PointwiseConvolution : public OwnConvolution {
 public:
  PointwiseConvolution(int64_t stride, const ConvolutionWeights& weights, WeightMemory* memory)
      : OwnConvolution(weights, memory), stride_(stride) {}

 protected:
  /// A stride leaves cells out: those that stay are put together.
  torch::Tensor prepare(const torch::Tensor& x) override {
    if (stride_ == 1) return OwnConvolution::prepare(x);
    const torch::Tensor kept = x.slice(2, 0, std::nullopt, stride_).slice(3, 0, std::nullopt, stride_);
    return kept_.take(kept.sizes()).copy_(kept);
  }

  void run(const torch::Tensor& x, torch::Tensor& output, const Epilogue& epilogue) override {
    PointwiseJob job;
    job.input = x.data_ptr<float>();
    job.panels = panels_.data();
    job.output = output.data_ptr<float>();
    job.in = x.size(1);
    job.out = output.size(1);
    job.epilogue = epilogue;
    const int64_t rows = x.size(0) * x.size(2) * x.size(3);
    const int64_t panels = panels_.count();
    const int64_t threads = at::get_num_threads();
    // As many parts for each thread; where there are few rows, threads share the channels out instead.
    const int64_t row_parts = quotient_up(quotient_up(rows, kRowsAtATime), threads) * threads;
    const bool few = rows < row_parts * kRowsAtATime / 4;
    const int64_t parts = few ? quotient_up(rows, kRowsAtATime) : row_parts;
    const int64_t panel_parts = few ? std::min(threads, panels) : 1;
    share(parts * panel_parts, [&](int64_t item, int64_t) {
      pointwise(job, part_of(rows, item / panel_parts, parts), part_of(panels, item % panel_parts, panel_parts));
    });
  }

 private:
  int64_t stride_;
  ActivationBuffer kept_;
};

class WinogradConvolution : public OwnConvolution {
 public:
  WinogradConvolution(int64_t in, const ConvolutionWeights& weights, WeightMemory* memory)
      : OwnConvolution(weights, memory), zeros_(torch::zeros({in}, torch::kFloat32)) {}

 protected:
  void run(const torch::Tensor& x, torch::Tensor& output, const Epilogue& epilogue) override {
    WinogradJob job;
    job.input = x.data_ptr<float>();
    job.panels = panels_.data();
    job.zeros = zeros_.data_ptr<float>();
    job.output = output.data_ptr<float>();
    job.height = x.size(2);
    job.width = x.size(3);
    job.in = x.size(1);
    job.out = output.size(1);
    job.epilogue = epilogue;
    const int64_t tiles = x.size(0) * job.tiles_high() * job.tiles_wide();
    const int64_t most = std::max(kFewTiles, kFrequencyNumbers / (kFrequencies * job.in));
    const int64_t chunks = quotient_up(tiles, most);
    for (int64_t i = 0; i < chunks; ++i) {
      job.tiles = part_of(tiles, i, chunks);
      run_chunk(job);
    }
  }

 private:
  void run_chunk(WinogradJob& job) {
    const int64_t threads = at::get_num_threads();
    const int64_t tiles = job.tiles.end - job.tiles.begin;
    const auto range = [&](int64_t i, int64_t parts) {
      const Range part = part_of(tiles, i, parts);
      return Range{job.tiles.begin + part.begin, job.tiles.begin + part.end};
    };
    job.frequencies = shared_memory<WinogradJob>(kFrequencies * job.frequency_stride());
    const int64_t transforms = std::min(tiles, 8 * threads);
    share(transforms, [&](int64_t item, int64_t) { winograd_transform(job, range(item, transforms)); });

    const int64_t panels = panels_.count();
    const int64_t parts = std::clamp<int64_t>(2 * threads / panels, 1, quotient_up(tiles, kFewTiles));
    const int64_t scratch = winograd_scratch(job.in);
    float* scratches = shared_memory<Epilogue>(scratch * threads);
    share(panels * parts, [&](int64_t item, int64_t worker) {
      winograd_multiply(job, item / parts, range(item % parts, parts), scratches + worker * scratch);
    });
  }

  torch::Tensor zeros_;
};

}  // namespace

std::unique_ptr<FusedConvolution> make_own_convolution(const ConvolutionShape& shape, const ConvolutionWeights& weights,
                                                       WeightMemory* memory) {
  static const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  static const bool has_avx512 = __builtin_cpu_supports("avx512f");
  if (!has_avx2 || shape.groups != 1 || shape.out % kPanel != 0) return nullptr;
  if (shape.kernel == 1 && !has_avx512) return std::make_unique<PointwiseConvolution>(shape.stride, weights, memory);
  if (shape.kernel == 3 && shape.stride == 1 && shape.in % kLanes == 0)
    return std::make_unique<WinogradConvolution>(shape.in, weights, memory);
  return nullptr;
}

}  // namespace vision
