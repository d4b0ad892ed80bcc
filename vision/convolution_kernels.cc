// Compiled for AVX2 and FMA (vision/CMakeLists.txt), so nothing that other files share may be instantiated here.
#include "vision/convolution_kernels.h"

#define VQA_INLINE inline __attribute__((always_inline))

namespace vision {
namespace {

using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using UnalignedVec = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(alignof(float)), may_alias));

VQA_INLINE Vec load(const float* from) { return *reinterpret_cast<const UnalignedVec*>(from); }
VQA_INLINE void store(float* to, Vec value) { *reinterpret_cast<UnalignedVec*>(to) = value; }
VQA_INLINE Vec relu(Vec value) { return value > 0 ? value : Vec{}; }

constexpr int64_t kMostRows = 6;       // of a block of sums that fills the registers: 6 x 2 vectors of 16
constexpr int64_t kDepth = 256;        // input channels at a time: a panel of them is half of the first cache
constexpr int64_t kTilesAtATime = 48;  // whose products stay in the second cache

int64_t groups_of(int64_t count, int64_t most) { return (count + most - 1) / most; }

/// The i-th of `parts` nearly equal parts.
Range part_of(Range all, int64_t i, int64_t parts) {
  const int64_t count = all.end - all.begin;
  return {all.begin + count * i / parts, all.begin + count * (i + 1) / parts};
}

/// sums (kRows, kPanel) += a (kRows, depth) * b (depth, kPanel)
template <int kRows>
VQA_INLINE void multiply(const float* a, int64_t a_stride, const float* b, int64_t depth, Vec (&sums)[kRows][2]) {
  for (int64_t k = 0; k < depth; ++k) {
    const Vec left = load(b + k * kPanel);
    const Vec right = load(b + k * kPanel + kLanes);
    for (int r = 0; r < kRows; ++r) {
      const float x = a[r * a_stride + k];
      sums[r][0] += x * left;
      sums[r][1] += x * right;
    }
  }
}

/// One block of sums of a 1x1 convolution.
struct Block {
  const float* a = nullptr;
  int64_t a_stride = 0;
  const float* b = nullptr;
  int64_t depth = 0;
  float* c = nullptr;
  int64_t c_stride = 0;
  bool add = false;               // to what stands in c
  const float* finish = nullptr;  // the bias, after the last input channels
  bool relu = false;              // then
};

template <int kRows>
void compute(const Block& block) {
  Vec sums[kRows][2] = {};
  if (block.add) {
    for (int r = 0; r < kRows; ++r) {
      for (int j = 0; j < 2; ++j) sums[r][j] = load(block.c + r * block.c_stride + j * kLanes);
    }
  }
  multiply<kRows>(block.a, block.a_stride, block.b, block.depth, sums);
  for (int j = 0; j < 2; ++j) {
    const Vec bias = block.finish ? load(block.finish + j * kLanes) : Vec{};
    for (int r = 0; r < kRows; ++r) {
      const Vec sum = sums[r][j] + bias;
      store(block.c + r * block.c_stride + j * kLanes, block.relu ? relu(sum) : sum);
    }
  }
}

void compute(int64_t rows, const Block& block) {
  switch (rows) {
    case 1:
      return compute<1>(block);
    case 2:
      return compute<2>(block);
    case 3:
      return compute<3>(block);
    case 4:
      return compute<4>(block);
    case 5:
      return compute<5>(block);
    default:
      return compute<kMostRows>(block);
  }
}

/// The three transforms along one axis; `step` is the distance between numbers along it.
VQA_INLINE void transform_input(const Vec* d, Vec* to, int step) {
  const Vec a = d[4] - 4.F * d[2];
  const Vec b = d[3] - 4.F * d[1];
  const Vec c = d[4] - d[2];
  const Vec e = 2.F * (d[3] - d[1]);
  to[0] = 4.F * d[0] - 5.F * d[2] + d[4];
  to[step] = a + b;
  to[2 * step] = a - b;
  to[3 * step] = c + e;
  to[4 * step] = c - e;
  to[5 * step] = 4.F * d[1] - 5.F * d[3] + d[5];
}

VQA_INLINE void transform_weight(const Vec* g, int from_step, Vec* to, int step) {
  const Vec outer = (g[0] + g[2 * from_step]) * (-1.F / 6);
  const Vec inner = g[from_step] * (1.F / 6);
  const Vec even = g[0] * (1.F / 24) + g[2 * from_step] * (1.F / 6);
  const Vec odd = g[from_step] * (1.F / 12);
  to[0] = g[0] * 0.25F;
  to[step] = outer - inner;
  to[2 * step] = outer + inner;
  to[3 * step] = even + odd;
  to[4 * step] = even - odd;
  to[5 * step] = g[2 * from_step];
}

VQA_INLINE void transform_output(const Vec* m, Vec* to, int step) {
  const Vec a = m[1] + m[2];
  const Vec b = m[1] - m[2];
  const Vec c = m[3] + m[4];
  const Vec d = m[3] - m[4];
  to[0] = m[0] + a + c;
  to[step] = b + 2.F * d;
  to[2 * step] = a + 4.F * c;
  to[3 * step] = b + 8.F * d + m[5];
}

/// Where a tile's first output cell stands, and how many of the 4x4 are in the image.
struct Tile {
  Tile(const WinogradJob& job, int64_t t)
      : image(t / (job.tiles_high() * job.tiles_wide())),
        top(t / job.tiles_wide() % job.tiles_high() * 4),
        left(t % job.tiles_wide() * 4) {}
  int64_t cell(const WinogradJob& job, int64_t y, int64_t x) const {
    return (image * job.height + top + y) * job.width + left + x;
  }
  int64_t image;
  int64_t top;
  int64_t left;
};

/// (C, 9, kPanel) -> (kFrequencies, C, kPanel), `stride` numbers between frequencies.
void transform_weights(const float* weights, int64_t in, int64_t stride, float* to) {
  for (int64_t k = 0; k < in; ++k) {
    for (int64_t j = 0; j < kPanel; j += kLanes) {
      const float* from = weights + k * 9 * kPanel + j;
      Vec g[9];
      for (int i = 0; i < 9; ++i) g[i] = load(from + i * kPanel);
      Vec half[18];
      for (int x = 0; x < 3; ++x) transform_weight(g + x, 3, half + x, 3);
      for (int y = 0; y < 6; ++y) {
        Vec row[6];
        transform_weight(half + y * 3, 1, row, 1);
        for (int x = 0; x < 6; ++x) store(to + (y * 6 + x) * stride + k * kPanel + j, row[x]);
      }
    }
  }
}

/// One tile's products (kFrequencies, kLanes), `stride` numbers between them -> its cells' eight channels.
void finish_tile(const WinogradJob& job, const Tile& tile, int64_t channel, const float* products, int64_t stride) {
  Vec half[24];
  for (int x = 0; x < 6; ++x) {
    Vec column[6];
    for (int y = 0; y < 6; ++y) column[y] = load(products + (y * 6 + x) * stride);
    transform_output(column, half + x, 6);
  }
  const Vec bias = load(job.epilogue.bias + channel);
  for (int y = 0; y < 4 && tile.top + y < job.height; ++y) {
    Vec row[4];
    transform_output(half + y * 6, row, 1);
    for (int x = 0; x < 4 && tile.left + x < job.width; ++x) {
      float* to = job.output + tile.cell(job, y, x) * job.out + channel;
      Vec value = row[x] + bias;
      if (job.epilogue.add) value += load(to);
      store(to, job.epilogue.relu ? relu(value) : value);
    }
  }
}

int64_t weight_stride(int64_t in) { return in * kPanel + kPanel; }
constexpr int64_t kProductStride = (kTilesAtATime + 1) * kPanel;

}  // namespace

void pack_panel(const RawWeights& weights, int64_t panel, float* packed) {
  const WeightStrides& strides = weights.strides;
  for (int64_t j = 0; j < kPanel; ++j) {
    const int64_t out = panel * kPanel + j;
    const float* from = weights.values + out * strides.out;
    const float scale = weights.scale[out];
    for (int64_t k = 0; k < weights.in; ++k) {
      for (int64_t t = 0; t < weights.taps; ++t)
        packed[(k * weights.taps + t) * kPanel + j] = from[k * strides.in + t * strides.tap] * scale;
    }
  }
}

void pointwise(const PointwiseJob& job, Range rows, Range panels) {
  const int64_t groups = groups_of(rows.end - rows.begin, kMostRows);
  for (int64_t k = 0; k < job.in; k += kDepth) {
    const int64_t depth = job.in - k < kDepth ? job.in - k : kDepth;
    const bool last = k + depth == job.in;
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
      for (int64_t i = 0; i < groups; ++i) {
        const Range group = part_of(rows, i, groups);
        Block block;
        block.a = job.input + group.begin * job.in + k;
        block.a_stride = job.in;
        block.b = job.panels + (panel * job.in + k) * kPanel;
        block.depth = depth;
        block.c = job.output + group.begin * job.out + panel * kPanel;
        block.c_stride = job.out;
        block.add = k > 0 || job.epilogue.add;
        block.finish = last ? job.epilogue.bias + panel * kPanel : nullptr;
        block.relu = last && job.epilogue.relu;
        compute(group.end - group.begin, block);
      }
    }
  }
}

void winograd_transform(const WinogradJob& job, Range tiles) {
  const int64_t stride = job.frequency_stride();
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const Tile tile(job, t);
    const float* cells[kFrequencies];
    for (int64_t i = 0; i < kFrequencies; ++i) {
      const int64_t y = tile.top + i / 6 - 1;
      const int64_t x = tile.left + i % 6 - 1;
      const bool inside = y >= 0 && y < job.height && x >= 0 && x < job.width;
      cells[i] = inside ? job.input + tile.cell(job, i / 6 - 1, i % 6 - 1) * job.in : job.zeros;
    }
    for (int64_t c = 0; c < job.in; c += kLanes) {
      Vec half[kFrequencies];
      for (int x = 0; x < 6; ++x) {
        Vec column[6];
        for (int y = 0; y < 6; ++y) column[y] = load(cells[y * 6 + x] + c);
        transform_input(column, half + x, 6);
      }
      for (int y = 0; y < 6; ++y) {
        Vec row[6];
        transform_input(half + y * 6, row, 1);
        float* to = job.frequencies + (t - job.tiles.begin) * job.in + c;
        for (int x = 0; x < 6; ++x) store(to + (y * 6 + x) * stride, row[x]);
      }
    }
  }
}

int64_t winograd_scratch(int64_t in) { return kFrequencies * (weight_stride(in) + kProductStride); }

void winograd_multiply(const WinogradJob& job, int64_t panel, Range tiles, float* scratch) {
  const int64_t stride = weight_stride(job.in);
  transform_weights(job.panels + panel * job.in * 9 * kPanel, job.in, stride, scratch);
  float* products = scratch + kFrequencies * stride;
  const int64_t parts = groups_of(tiles.end - tiles.begin, kTilesAtATime);
  for (int64_t i = 0; i < parts; ++i) {
    const Range part = part_of(tiles, i, parts);
    const int64_t groups = groups_of(part.end - part.begin, kMostRows);
    for (int64_t f = 0; f < kFrequencies; ++f) {
      for (int64_t g = 0; g < groups; ++g) {
        const Range group = part_of(part, g, groups);
        Block block;
        block.a = job.frequencies + f * job.frequency_stride() + (group.begin - job.tiles.begin) * job.in;
        block.a_stride = job.in;
        block.b = scratch + f * stride;
        block.depth = job.in;
        block.c = products + f * kProductStride + (group.begin - part.begin) * kPanel;
        block.c_stride = kPanel;
        compute(group.end - group.begin, block);
      }
    }
    for (int64_t t = part.begin; t < part.end; ++t) {
      for (int64_t j = 0; j < kPanel; j += kLanes)
        finish_tile(job, Tile(job, t), panel * kPanel + j, products + (t - part.begin) * kPanel + j, kProductStride);
    }
  }
}

}  // namespace vision
