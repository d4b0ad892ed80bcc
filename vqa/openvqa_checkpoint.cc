#include "vqa/openvqa_checkpoint.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "data/printable.h"
#include "data/settings.h"
#include "data/skip_init.h"
#include "data/weights.h"
#include "text/words_tokenizer.h"

namespace vqa {
namespace fs = std::filesystem;

namespace {

constexpr const char* kBoxes = "adapter.bbox_linear.weight";  // with USE_BBOX_FEAT
constexpr int64_t kLargeDim = 1024;                           // from here on the recipe is MCAN-large's

/// A setting that is the length of a tensor's axis.
struct Size {
  const char* tensor;
  int64_t axis;
  int64_t ModelConfig::*setting;
};
constexpr std::array kSizes{
    Size{kOpenvqaEmbedding, 1, &ModelConfig::word_dim},
    Size{"lstm.weight_hh_l0", 1, &ModelConfig::dim},
    Size{"backbone.enc_list.0.ffn.mlp.fc.linear.weight", 0, &ModelConfig::feed_forward},
    Size{"attflat_img.mlp.fc.linear.weight", 0, &ModelConfig::pool_dim},
    Size{"attflat_img.linear_merge.weight", 0, &ModelConfig::fused_dim},
};

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

/// "A, B, C and 7 more".
std::string few_of(const std::vector<std::string>& names) {
  constexpr size_t kShown = 4;
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) shown.push_back(data::printable(names[i]));
  const std::string rest = names.size() > kShown ? " and " + std::to_string(names.size() - kShown) + " more" : "";
  return data::listed(shown) + rest;
}

/// The file's tensors without the prefix that a network trained in parallel gives ("module."), and what has another.
data::TensorFile without_prefix(const data::TensorFile& file) {
  data::TensorFile wanted;
  for (const Size& size : kSizes) wanted.tensors[size.tensor];
  const std::string prefix = data::find_prefix(wanted, file);
  data::TensorFile plain;
  for (const auto& [name, tensor] : file.tensors)
    plain.tensors[name.starts_with(prefix) ? name.substr(prefix.size()) : name] = tensor;
  return plain;
}

/// The length of a matrix's axis, or nothing where it is missing: then its name is told later, among all that are.
std::optional<int64_t> length(const OpenvqaCheckpoint& checkpoint, const std::string& name, int64_t axis) {
  const auto found = checkpoint.tensors.tensors.find(name);
  if (found == checkpoint.tensors.tensors.end()) return std::nullopt;
  if (found->second.dim() != 2)
    fail(checkpoint.path, name + " has " + std::to_string(found->second.dim()) + " axes, that of an MCAN has 2");
  if (found->second.numel() == 0) fail(checkpoint.path, name + " holds no numbers");
  return found->second.size(axis);
}

/// How many layers of a list there are in a row, or nothing where there is none.
std::optional<int64_t> layers(const data::TensorFile& file, const std::string& list) {
  int64_t count = 0;
  const auto is_there = [&](int64_t layer) {
    const std::string begin = list + std::to_string(layer) + ".";
    const auto first = file.tensors.lower_bound(begin);
    return first != file.tensors.end() && first->first.starts_with(begin);
  };
  while (is_there(count)) ++count;
  return count == 0 ? std::nullopt : std::optional(count);
}

const OpenvqaDialect& dialect_of(const data::TensorFile& file) {
  for (const OpenvqaDialect& dialect : openvqa_dialects())
    if (file.tensors.contains(std::string(dialect.grid_projection) + "weight")) return dialect;
  return openvqa_dialects().front();
}

/// The recipe of the published model that this one is most like, with the sizes that the tensors have.
Config config_of(const OpenvqaCheckpoint& checkpoint, int64_t heads) {
  const data::TensorFile& file = checkpoint.tensors;
  const int64_t dim = length(checkpoint, "lstm.weight_hh_l0", 1).value_or(0);
  Config config = preset(dim >= kLargeDim ? "mcan-large" : "mcan-small");
  ModelConfig& model = config.model;
  for (const Size& size : kSizes) {
    if (const auto found = length(checkpoint, size.tensor, size.axis)) model.*size.setting = *found;
  }
  model.encoder_layers = layers(file, "backbone.enc_list.").value_or(model.encoder_layers);
  model.decoder_layers = layers(file, "backbone.dec_list.").value_or(model.decoder_layers);
  model.freeze_backbone = true;  // as a model of given features has it
  if (heads < 1 || model.dim % heads != 0)
    data::refuse_value("heads", heads, "a divisor of the checkpoint's width, " + std::to_string(model.dim));
  model.heads = heads;
  try {
    model.validate();
  } catch (const std::invalid_argument& error) {
    fail(checkpoint.path, std::string("has sizes that no MCAN has: ") + error.what());
  }
  return config;
}

/// Throws where the tensors are not just those of a model of the checkpoint's sizes.
void check_tensors(const OpenvqaCheckpoint& checkpoint, const data::TensorFile& wanted) {
  const std::string no_mcan = "is no MCAN checkpoint of " + data::listed(data::names_of(openvqa_dialects())) + ": ";
  const std::vector<std::string> missing = data::missing_names(wanted, checkpoint.tensors, "");
  if (!missing.empty()) fail(checkpoint.path, no_mcan + "it lacks " + few_of(missing));
  const data::LoadReport report =
      data::match_tensors(wanted, checkpoint.tensors, {.file = checkpoint.path.string(), .prefix = ""});
  if (!report.unexpected.empty()) fail(checkpoint.path, no_mcan + "it has " + few_of(report.unexpected) + " too");
  data::require_finite(checkpoint.tensors, checkpoint.path.string());
}

/// The tensors of a model of the checkpoint's sizes, of undefined numbers.
data::TensorFile tensors_like(const OpenvqaCheckpoint& checkpoint) {
  const data::SkipInit undefined;
  const Model model(ModelOptions{.config = checkpoint.config.model,
                                 .words = std::max(checkpoint.our_words(), text::WordsTokenizer::kFirstWordId),
                                 .answers = checkpoint.answers,
                                 .grid_channels = checkpoint.channels});
  return openvqa_tensors(*model, checkpoint.dialect);
}

}  // namespace

OpenvqaCheckpoint read_openvqa_checkpoint(const fs::path& path, int64_t heads) {
  OpenvqaCheckpoint checkpoint{.path = path, .tensors = without_prefix(data::read_tensors(path))};
  data::TensorFile& file = checkpoint.tensors;
  if (file.tensors.contains(kBoxes))
    fail(path, "was trained with boxes beside the features (USE_BBOX_FEAT), which this program does not read");
  checkpoint.dialect = dialect_of(file);
  checkpoint.config = config_of(checkpoint, heads);
  // Any number where a matrix is missing: that is told before a shape is looked at.
  checkpoint.words = length(checkpoint, kOpenvqaEmbedding, 0).value_or(0);
  checkpoint.answers = length(checkpoint, "proj.weight", 0).value_or(1);
  checkpoint.channels = length(checkpoint, std::string(checkpoint.dialect.grid_projection) + "weight", 1).value_or(1);
  if (checkpoint.answers < 1 || checkpoint.channels < 1) fail(path, "has a tensor without a number; it is damaged");
  if (checkpoint.words >= checkpoint.dialect.special_count)
    file.tensors[kOpenvqaEmbedding] = without_special_rows(file.tensors[kOpenvqaEmbedding], checkpoint.dialect);
  check_tensors(checkpoint, tensors_like(checkpoint));
  return checkpoint;
}

void load_openvqa(const OpenvqaCheckpoint& checkpoint, const ModelImpl& model) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : openvqa_tensors(model, checkpoint.dialect).tensors)
    tensor.copy_(checkpoint.tensors.at(name));
}

}  // namespace vqa
