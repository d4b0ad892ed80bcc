// What vqa_bench can measure, one function per file of tools/bench/. Names are `what/of which/how/size/batch`.
#pragma once

#include <chrono>

namespace bench {

/// Of wall-clock time.
template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// grid_features/BACKBONE/network|plan/HxW/BATCH: images to grids, by the plain network and by the plan.
void register_grid_features();

/// Of the pictures in the folder that the environment's VQA_BENCH_IMAGES names; nothing where it names none.
/// extraction/resnet152/448x448/8: all into a grid store by batches of 8, with the speed as a share of the network's
/// with nothing to decode and to write; extraction/memory: 10,000 small ones, with the process's size on the way.
void register_extraction();

/// load_backbone/BACKBONE: a safetensors file, which the system has in its cache, into the plain network; needs TMPDIR
/// too.
void register_load_backbone();

/// convolution/...: each kind of convolution in ResNet-152 at 448x448, images of one batch of one, with the share of
/// the processor's peak; fma_peak: that peak.
void register_convolutions();

/// grid_store/read|read_float: random images of a store by 1, 2 and 4 threads; share_of_pread is their speed as a share
/// of plain pread's of the same bytes. From a file in the folder for temporary ones (TMPDIR), so from the cache.
void register_grid_store();

/// word_vectors/ROWSx300: 10,000 words from a file in GloVe's format, with rows a second; needs TMPDIR for 120 MB. The
/// environment's VQA_BENCH_WORD_VECTORS names a file to read instead.
void register_word_vectors();

/// attention/KIND/D/N/inference|training: self-attention over N positions of width D (256 with 4 heads, 512 with 8),
/// batch 1, float32, every kind, `plain` softmax attention and, where the processor has it, dba-bfloat16; in turns with
/// `plain` and `vanilla`, with how many times it is as fast (x_PEER), the peak of the heap beyond input and weights, as
/// a share of theirs too, and what the first run left for later ones (kept_MB).
void register_attention();

/// Prints to stderr what was found about attention, if anything, as tables with the targets.
void report_attention();

}  // namespace bench
