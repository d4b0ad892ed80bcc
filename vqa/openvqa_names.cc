#include "vqa/openvqa_names.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "data/settings.h"
#include "data/weights.h"
#include "text/words_tokenizer.h"

namespace vqa {
namespace {

/// Settings that decide what the weights mean, all but attention's; the published values are the preset mcan-small's.
constexpr std::array kDecisive{"activation", "layer-norm",       "grid-position", "share-layers",
                               "tokenizer",  "question-encoder", "no-image"};

}  // namespace

const std::vector<OpenvqaDialect>& openvqa_dialects() {
  static const std::vector<OpenvqaDialect> all{
      {"openvqa", "adapter.frcn_linear.", "PAD, UNK and CLS", 3},
      {"mcan-vqa", "img_feat_linear.", "PAD and UNK", 2},
  };
  return all;
}

int64_t extra_rows(const OpenvqaDialect& dialect) { return dialect.special_count - text::WordsTokenizer::kFirstWordId; }

std::string openvqa_name(const std::string& ours, const OpenvqaDialect& dialect) {
  const std::array<std::pair<const char*, const char*>, 20> parts{{
      {"question_encoder.", ""},
      {"grid_projection.", dialect.grid_projection},
      {"mcan.encoder.", "backbone.enc_list."},
      {"mcan.decoder.", "backbone.dec_list."},
      {"self_attention.", "mhatt1."},
      {"cross_attention.", "mhatt2."},
      {".attention.", ".mhatt."},
      {"query.", "linear_q."},
      {"key.", "linear_k."},
      {"value.", "linear_v."},
      {".out.", ".linear_merge."},
      {"feed_forward.inner.", "ffn.mlp.fc.linear."},
      {"feed_forward.outer.", "ffn.mlp.linear."},
      {"question_pool.hidden.", "attflat_lang.mlp.fc.linear."},
      {"question_pool.score.", "attflat_lang.mlp.linear."},
      {"question_pool.merge.", "attflat_lang.linear_merge."},
      {"image_pool.hidden.", "attflat_img.mlp.fc.linear."},
      {"image_pool.score.", "attflat_img.mlp.linear."},
      {"image_pool.merge.", "attflat_img.linear_merge."},
      {"classifier.", "proj."},
  }};
  std::string name = ours;
  for (const auto& [from, to] : parts) {
    if (const auto at = name.find(from); at != std::string::npos) name.replace(at, std::string(from).size(), to);
  }
  if (name.starts_with("norm.")) name = "proj_" + name;
  const auto leaf = name.rfind('.');
  if (name.find("norm") != std::string::npos)
    name = name.substr(0, leaf) + (name.ends_with("weight") ? ".a_2" : ".b_2");
  return name;
}

data::TensorFile openvqa_tensors(const ModelImpl& model, const OpenvqaDialect& dialect) {
  data::TensorFile file;
  for (const auto& [ours, tensor] : data::network_tensors(model).tensors)
    file.tensors[openvqa_name(ours, dialect)] = tensor;
  return file;
}

torch::Tensor without_special_rows(const torch::Tensor& embedding, const OpenvqaDialect& dialect) {
  const int64_t first = text::WordsTokenizer::kFirstWordId, extra = extra_rows(dialect);
  if (extra == 0) return embedding;
  return torch::cat({embedding.narrow(0, 0, first), embedding.slice(0, first + extra)});
}

torch::Tensor with_special_rows(const torch::Tensor& embedding, const OpenvqaDialect& dialect) {
  const int64_t first = text::WordsTokenizer::kFirstWordId, extra = extra_rows(dialect);
  if (extra == 0) return embedding;
  return torch::cat({embedding.narrow(0, 0, first), torch::zeros({extra, embedding.size(1)}, embedding.options()),
                     embedding.slice(0, first)});
}

void require_openvqa_form(const ModelImpl& model) {
  ModelConfig ours = model.options().config, published = preset("mcan-small").model;
  if (attention_text(ours) != attention_text(published))
    data::refuse_value("attention", attention_text(ours), attention_text(published) + " with openvqa's names");
  const std::vector<Field> given = fields(ours), wanted = fields(published);
  for (size_t i = 0; i < given.size(); ++i) {
    if (std::find(kDecisive.begin(), kDecisive.end(), given[i].name) == kDecisive.end()) continue;
    if (given[i].text() != wanted[i].text())
      data::refuse_value(given[i].name, given[i].text(), wanted[i].text() + " with openvqa's names");
  }
  if (model.options().grid_channels == 0)
    throw std::invalid_argument("the model sees pictures with a backbone of its own, which openvqa has no names for");
}

}  // namespace vqa
