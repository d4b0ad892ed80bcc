#include "text/albert_options.h"

#include "data/settings.h"

namespace text {

std::vector<std::string> albert_activations() { return {"gelu_new", "gelu", "relu"}; }

void AlbertOptions::validate() const {
  constexpr int64_t kMostLayers = 1000, kMostInner = 100, kMost = 1 << 24;  // what no file's sizes may overflow
  data::check_range("vocabulary-size", vocabulary_size, 2, kMost);
  data::check_range("embedding-dim", embedding_dim, 1, kMost);
  data::check_range("dim", dim, 1, kMost);
  data::check_range("layers", layers, 1, kMostLayers);
  data::check_range("groups", groups, 1, layers);
  data::check_range("inner-layers", inner_layers, 1, kMostInner);
  data::check_range("heads", heads, 1, kMost);
  if (dim % heads != 0) data::refuse_value("heads", heads, "what divides dim, " + std::to_string(dim));
  data::check_range("feed-forward", feed_forward, 1, kMost);
  data::check_range("positions", positions, 1, kMost);
  data::check_range("types", types, 1, kMost);
  data::check_name("activation", activation, albert_activations());
  data::check_value("layer-norm-eps", layer_norm_eps, data::Range<double>{.least = 0, .above_least = true});
}

int64_t AlbertOptions::group_of(int64_t layer) const {
  return static_cast<int64_t>(static_cast<double>(layer) / (static_cast<double>(layers) / static_cast<double>(groups)));
}

}  // namespace text
