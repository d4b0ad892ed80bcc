// What vqa_bench can measure, one function per file of tools/bench/. Names are `what/of which/how/size/batch`.
#pragma once

namespace bench {

/// grid_features/BACKBONE/network|plan/HxW/BATCH: images to grids, by the plain network and by the plan.
void register_grid_features();

/// convolution/...: each kind of convolution in ResNet-152 at 448x448, images of one batch of one, with the share of
/// the processor's peak; fma_peak: that peak.
void register_convolutions();

/// grid_store/read|read_float|pread: random images of a store by 1, 2 and 4 threads, and plain pread of the same bytes.
/// Written to and read from the folder for temporary files (TMPDIR), so from the system's cache.
void register_grid_store();

}  // namespace bench
