#include "fusion/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fusion {
namespace {

using testing::HasSubstr;

std::string refusal(const AttentionOptions& options) {
  try {
    options.validate();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(AttentionOptions, NameTheFieldTheValueAndWhatIsAllowed) {
  EXPECT_EQ(refusal({}), "accepted");
  EXPECT_THAT(refusal({.kind = "linear"}),
              HasSubstr("'linear'; allowed are vanilla, dba, dba-paper, linformer, linformer-kfree, ffkernel"));
  EXPECT_THAT(refusal({.dim = 0}), HasSubstr("dim: 0"));
  EXPECT_THAT(refusal({.dim = 100, .heads = 8}), HasSubstr("heads: 8; allowed is a divisor of dim 100"));
  EXPECT_THAT(refusal({.heads = 0}), HasSubstr("heads: 0"));
  EXPECT_THAT(refusal({.d_p = 0}), HasSubstr("d-p: 0"));
  EXPECT_THAT(refusal({.dim = 512, .heads = 16}), HasSubstr("d-in: 24; allowed is a positive multiple of heads 16"));
  EXPECT_THAT(refusal({.dim = 64, .d_p = 65}), HasSubstr("d-p: 65; allowed is 1 to dim 64"));
  EXPECT_THAT(refusal({.kind = "linformer", .linformer_k = 0}), HasSubstr("linformer-k: 0; allowed is 1 or more"));
  EXPECT_THAT(refusal({.kind = "linformer", .max_length = 0}), HasSubstr("max-length: 0; allowed is 1 or more"));
  EXPECT_THAT(refusal({.kind = "linformer", .linformer_sharing = "layerwise"}),
              HasSubstr("linformer-sharing: 'layerwise'; allowed are none, headwise, key-value"));
  EXPECT_THAT(refusal({.kind = "ffkernel", .kernel = "cubic"}),
              HasSubstr("kernel: 'cubic'; allowed are linear, glu, low-rank-glu"));
  EXPECT_THAT(refusal({.kind = "ffkernel", .kernel_depth = 0}), HasSubstr("kernel-depth: 0; allowed is 1 or more"));
  EXPECT_EQ(refusal({.kind = "vanilla", .dim = 512, .heads = 16}), "accepted");
  EXPECT_THAT(refusal({.dropout = 1}), HasSubstr("dropout: 1"));
  EXPECT_THAT(refusal({.dropout = -0.1}), HasSubstr("dropout: -0.1"));
}

int64_t parameters(const std::string& kind, int64_t dim) {
  int64_t count = 0;
  for (const auto& parameter : make_attention({.kind = kind, .dim = dim})->parameters()) count += parameter.numel();
  return count;
}

// Counted from the published layer's shapes: 4 (24 d + 24) + (d + 1) 16 h + 3 (d^2 + d) + 2 d.
TEST(Attention, HasThePublishedNumberOfParameters) {
  EXPECT_EQ(parameters("dba", 64), 27'168);
  EXPECT_EQ(parameters("dba", 128), 78'688);
  EXPECT_EQ(parameters("dba", 256), 255'456);
  EXPECT_EQ(parameters("dba", 512), 903'904);
  EXPECT_EQ(parameters("vanilla", 512), 1'050'624);
}

TEST(InitialState, IsStandardNormal) {
  torch::manual_seed(1);
  const torch::Tensor z = initial_state({.dim = 4096, .d_p = 16});
  EXPECT_EQ(z.sizes(), (std::vector<int64_t>{16, 4096}));
  EXPECT_NEAR(z.std().item<double>(), 1, 0.02);
}

}  // namespace
}  // namespace fusion
