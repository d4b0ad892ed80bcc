#include "fusion/dba_paper_attention.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/fusion/compare.h"

namespace fusion {
namespace {

constexpr int64_t kDim = 32, kHeads = 4, kDp = 3, kDin = 8;

DbaPaperAttention layer() {
  torch::manual_seed(12);
  DbaPaperAttention attention(
      AttentionOptions{.kind = "dba-paper", .dim = kDim, .heads = kHeads, .d_p = kDp, .d_in = kDin});
  const torch::NoGradGuard no_grad;
  for (auto& parameter : attention->parameters()) parameter.add_(0.1 * torch::randn_like(parameter));
  attention->eval();
  return attention;
}

/// The equations of dba_paper_attention.h for one sample, head by head, with the n x m matrix W'_r P' W'_c written out.
/// x (n, D), y (m, D): x again, or the state of the keys' side; z (d_p, D).
struct Literal {
  torch::Tensor out, c;

  Literal(DbaPaperAttention& attention, const torch::Tensor& x, const torch::Tensor& y, const torch::Tensor& z) {
    const auto p = attention->named_parameters();
    const auto project = [&](const torch::Tensor& t, const std::string& name) {
      const torch::Tensor product = t.matmul(p[name + ".weight"].t());
      return p.contains(name + ".bias") ? product + p[name + ".bias"] : product;
    };
    const int64_t d_h = kDim / kHeads, r = kDin / kHeads;
    const torch::Tensor q = project(x, "query"), k = project(y, "key"), v = project(y, "value"), zz = project(z, "z");
    std::vector<torch::Tensor> cs, qs, ks, heads;
    for (int64_t i = 0; i < kHeads; ++i) {
      const auto head = [&](const torch::Tensor& t) { return t.narrow(1, i * d_h, d_h); };
      const torch::Tensor w_r = head(zz).matmul(head(q).t()).softmax(1), w_c = head(zz).matmul(head(k).t()).softmax(1);
      cs.push_back(w_r.matmul(head(x)));
      qs.push_back(w_r.matmul(head(q)));
      ks.push_back(w_c.matmul(head(k)));
    }
    c = torch::cat(cs, 1);
    const torch::Tensor q_dba = project(torch::cat(qs, 1), "r"), k_dba = project(torch::cat(ks, 1), "r");
    for (int64_t i = 0; i < kHeads; ++i) {
      const auto rows = [&](const torch::Tensor& t, int64_t width) { return t.narrow(1, i * width, width); };
      const torch::Tensor map =
          (rows(q_dba, r).matmul(rows(k_dba, r).t()) / std::sqrt(static_cast<double>(r))).softmax(1);  // P'
      const torch::Tensor restore = rows(project(x, "restore"), kDp).softmax(1);
      const torch::Tensor compress = rows(project(y, "compress"), kDp).softmax(0).t();
      const torch::Tensor matrix = restore.matmul(map).matmul(compress);  // (n, m)
      EXPECT_TRUE(torch::allclose(matrix.sum(1), torch::ones({x.size(0)})));
      heads.push_back(matrix.matmul(rows(v, d_h)));
    }
    out = project(torch::cat(heads, 1), "out");
  }
};

TEST(DbaPaperAttention, EqualsTheEquationsWithTheMatrixWrittenOut) {
  const torch::NoGradGuard no_grad;
  DbaPaperAttention attention = layer();
  for (const int64_t n : {6, 50}) {  // in either order of the last products
    const torch::Tensor x = torch::randn({2, n, kDim}), z = torch::randn({2, kDp, kDim});
    const AttentionOutput self = attention->self({x, {}}, z), cross = attention->cross({x, {}}, {}, z);
    for (int64_t b = 0; b < 2; ++b) {
      const Literal as_self(attention, x[b], x[b], z[b]), as_cross(attention, x[b], z[b], z[b]);
      EXPECT_LT(relative_difference(self.features[b], as_self.out), 1e-5);
      EXPECT_LT(relative_difference(self.state[b], as_self.c), 1e-5);
      EXPECT_LT(relative_difference(cross.features[b], as_cross.out), 1e-5);
      EXPECT_LT(relative_difference(cross.state[b], as_cross.c), 1e-5);
    }
    EXPECT_LT(relative_difference(attention->compress({x, {}}, z), self.state), 1e-6);
  }
}

TEST(DbaPaperAttention, HasAsManyParametersAsItsEquations) {
  int64_t count = 0;
  for (const auto& parameter : make_attention({.kind = "dba-paper"})->parameters()) count += parameter.numel();
  // A_z, A_q, A_k, A_v, A_o; R; A_r and, without a bias, A_c.
  EXPECT_EQ(count, 5 * (512 * 512 + 512) + 24 * 513 + 128 * 513 + 128 * 512);
}

}  // namespace
}  // namespace fusion
