#include "fusion/attention.h"

#include <stdexcept>

#include "data/settings.h"
#include "fusion/dba_attention.h"
#include "fusion/dba_paper_attention.h"
#include "fusion/ffkernel_attention.h"
#include "fusion/kfree_attention.h"
#include "fusion/linformer_attention.h"
#include "fusion/vanilla_attention.h"

namespace fusion {
namespace {

template <class Layer>
std::shared_ptr<AttentionImpl> make(const AttentionOptions& options) {
  return std::make_shared<Layer>(options);
}

}  // namespace

const std::vector<AttentionKind>& attention_kinds() {
  static const std::vector<AttentionKind> kinds{
      {"vanilla", false, false, make<VanillaAttentionImpl>, nullptr},
      {"dba", true, false, make<DbaAttentionImpl>, DbaAttentionImpl::check},
      {"dba-paper", true, false, make<DbaPaperAttentionImpl>, DbaAttentionImpl::check},
      {"linformer", false, true, make<LinformerAttentionImpl>, LinformerAttentionImpl::check},
      {"linformer-kfree", false, false, make<KfreeAttentionImpl>, nullptr},
      {"ffkernel", false, false, make<FfkernelAttentionImpl>, FfkernelAttentionImpl::check},
  };
  return kinds;
}

const AttentionKind& attention_kind(const std::string& name) {
  return data::find_named("attention", name, attention_kinds());
}

void AttentionOptions::validate() const {
  const AttentionKind& named = attention_kind(kind);
  data::check_at_least("dim", dim, 1);
  if (heads < 1 || dim % heads != 0) data::refuse_value("heads", heads, "a divisor of dim " + std::to_string(dim));
  if (named.check != nullptr) named.check(*this);
  data::check_value("dropout", dropout, data::kBelowOne);
}

std::shared_ptr<AttentionImpl> make_attention(const AttentionOptions& options) {
  options.validate();
  return attention_kind(options.kind).make(options);
}

void require_state(const AttentionOptions& options, const torch::Tensor& state) {
  if (state.defined() && state.dim() == 3 && state.size(1) == options.d_p && state.size(2) == options.dim) return;
  throw std::invalid_argument(options.kind + " attention needs a state of d_p " + std::to_string(options.d_p) +
                              " rows, dim " + std::to_string(options.dim) + " columns");
}

torch::Tensor initial_state(const AttentionOptions& options) { return torch::randn({options.d_p, options.dim}); }

}  // namespace fusion
