// vqa_bench: benchmarks of the libraries' parts; Google Benchmark's own flags choose and print them.
#include <benchmark/benchmark.h>

#include "tools/bench/benchmarks.h"

int main(int argc, char** argv) {
  bench::register_grid_features();
  bench::register_extraction();
  bench::register_load_backbone();
  bench::register_convolutions();
  bench::register_grid_store();
  bench::register_word_vectors();
  bench::register_attention();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const size_t run = benchmark::RunSpecifiedBenchmarks();
  bench::report_attention();
  return run > 0 ? 0 : 1;  // Google Benchmark has said that the filter matches nothing
}
