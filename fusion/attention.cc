#include "fusion/attention.h"

#include <cmath>
#include <stdexcept>

#include "data/named.h"
#include "fusion/dba_attention.h"
#include "fusion/vanilla_attention.h"

namespace fusion {
namespace {

template <class Layer>
std::shared_ptr<AttentionImpl> make(const AttentionOptions& options) {
  return std::make_shared<Layer>(options);
}

[[noreturn]] void refuse(const char* field, int64_t value, const std::string& allowed) {
  throw std::invalid_argument(std::string(field) + ": " + std::to_string(value) + "; allowed is " + allowed);
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
  if (dim < 1) refuse("dim", dim, "1 or more");
  if (heads < 1 || dim % heads != 0) refuse("heads", heads, "a divisor of dim " + std::to_string(dim));
  if (compresses && d_p < 1) refuse("d-p", d_p, "1 or more");
  if (compresses && (d_in < 1 || d_in % heads != 0)) {
    refuse("d-in", d_in, "a positive multiple of heads " + std::to_string(heads));
  }
  if (!(dropout >= 0 && dropout < 1)) {
    throw std::invalid_argument("dropout: " + std::to_string(dropout) + "; allowed is 0 up to but not including 1");
  }
}

std::shared_ptr<AttentionImpl> make_attention(const AttentionOptions& options) {
  options.validate();
  return attention_kind(options.kind).make(options);
}

torch::Tensor initial_state(const AttentionOptions& options) { return torch::randn({options.d_p, options.dim}); }

}  // namespace fusion
