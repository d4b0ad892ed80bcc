#include "vqa/export_weights.h"

#include "data/settings.h"
#include "data/weights.h"
#include "vqa/openvqa_names.h"

namespace vqa {
namespace {

constexpr const char* kOwn = "own";

data::TensorFile published_weights(const ModelImpl& model, const OpenvqaDialect& dialect) {
  require_openvqa_form(model);
  data::TensorFile file = openvqa_tensors(model, dialect);
  torch::Tensor& embedding = file.tensors.at(kOpenvqaEmbedding);
  embedding = with_special_rows(embedding, dialect);
  return file;
}

}  // namespace

std::vector<std::string> export_names() {
  std::vector<std::string> names{kOwn};
  for (const OpenvqaDialect& dialect : openvqa_dialects()) names.emplace_back(dialect.name);
  return names;
}

data::TensorFile exported_weights(const Bundle& bundle, const std::string& names) {
  data::check_name("names", names, export_names());
  data::TensorFile file = names == kOwn
                              ? data::network_tensors(*bundle.model)
                              : published_weights(*bundle.model, data::find_named("names", names, openvqa_dialects()));
  file.metadata = metadata(bundle.record);
  return file;
}

}  // namespace vqa
