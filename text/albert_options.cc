#include "text/albert_options.h"

#include "data/settings.h"

namespace text {

std::vector<std::string> albert_activations() { return {"gelu_new", "gelu", "relu"}; }

void AlbertOptions::validate(const std::string& prefix) const {
  constexpr int64_t kMostLayers = 1000, kMostInner = 100, kMost = 1 << 24;  // what no file's sizes may overflow
  const auto check = [&](const char* name, int64_t value, int64_t least, int64_t most) {
    data::check_range(prefix + name, value, least, most);
  };
  check("vocabulary-size", vocabulary_size, 2, kMost);
  check("embedding-dim", embedding_dim, 1, kMost);
  check("dim", dim, 1, kMost);
  check("layers", layers, 1, kMostLayers);
  check("groups", groups, 1, layers);
  check("inner-layers", inner_layers, 1, kMostInner);
  check("heads", heads, 1, kMost);
  if (dim % heads != 0) data::refuse_value(prefix + "heads", heads, "what divides dim, " + std::to_string(dim));
  check("feed-forward", feed_forward, 1, kMost);
  check("positions", positions, 1, kMost);
  check("types", types, 1, kMost);
  data::check_name(prefix + "activation", activation, albert_activations());
  data::check_value(prefix + "layer-norm-eps", layer_norm_eps, data::Range<double>{.least = 0, .above_least = true});
}

int64_t AlbertOptions::group_of(int64_t layer) const {
  return static_cast<int64_t>(static_cast<double>(layer) / (static_cast<double>(layers) / static_cast<double>(groups)));
}

}  // namespace text
