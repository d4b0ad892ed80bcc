#include "fusion/attention.h"

#include <cmath>
#include <stdexcept>

#include "data/settings.h"
#include "fusion/dba_attention.h"
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
      {"vanilla", false, make<VanillaAttentionImpl>},
      {"dba", true, make<DbaAttentionImpl>},
  };
  return kinds;
}

const AttentionKind& attention_kind(const std::string& name) {
  return data::find_named("attention", name, attention_kinds());
}

void AttentionOptions::validate() const {
  const bool compresses = attention_kind(kind).has_state;
  data::check_at_least("dim", dim, 1);
  if (heads < 1 || dim % heads != 0) data::refuse_value("heads", heads, "a divisor of dim " + std::to_string(dim));
  if (compresses) data::check_at_least("d-p", d_p, 1);
  if (compresses && (d_in < 1 || d_in % heads != 0)) {
    data::refuse_value("d-in", d_in, "a positive multiple of heads " + std::to_string(heads));
  }
  data::check_value("dropout", dropout, data::kBelowOne);
}

std::shared_ptr<AttentionImpl> make_attention(const AttentionOptions& options) {
  options.validate();
  return attention_kind(options.kind).make(options);
}

torch::Tensor initial_state(const AttentionOptions& options) { return torch::randn({options.d_p, options.dim}); }

}  // namespace fusion
