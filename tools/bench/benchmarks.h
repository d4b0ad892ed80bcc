// What vqa_bench can measure, one function per file of tools/bench/. Names are `what/of which/how/size/batch`.
#pragma once

namespace bench {

/// grid_features/BACKBONE/network|plan/HxW/BATCH: images to grids, by the plain network and by the plan.
void register_grid_features();

/// convolution/...: each kind of convolution in ResNet-152 at 448x448, images of one batch of one, with the share of
/// the processor's peak; fma_peak: that peak.
void register_convolutions();

}  // namespace bench
