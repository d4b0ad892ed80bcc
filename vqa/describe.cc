#include "vqa/describe.h"

#include <algorithm>
#include <iomanip>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "data/grouped.h"
#include "data/printable.h"
#include "data/tensor_file.h"
#include "vqa/bundle.h"
#include "vqa/describe_lines.h"

namespace vqa {
namespace fs = std::filesystem;
using data::grouped;

namespace {

/// Attention parameters of MCAN-small (Yu et al. 2019), to which papers compare: 18 blocks of softmax attention.
constexpr int64_t kMcanSmall = 18 * 4 * (512 * 512 + 512);

std::string counted(int64_t count, const std::string& what) {
  return (grouped(count) + ' ').append(what).append(count == 1 ? "" : "s");
}

/// The layers that a module is: of "encoder.1", with two layers to a module, "encoder.2-3".
std::string layers_of(const std::string& module, const fusion::McanOptions& options) {
  const auto dot = module.find('.');
  const int64_t layers = module.starts_with("encoder") ? options.encoder_layers : options.decoder_layers;
  const int64_t first = std::stoll(module.substr(dot + 1)) * options.share_layers;
  const int64_t last = std::min(first + options.share_layers, layers) - 1;
  std::ostringstream name;
  name << module.substr(0, dot + 1) << first;
  if (last > first) name << '-' << last;
  return name.str();
}

/// The parameters of all attention in the encoder-decoder, and of each block: "encoder.0", "decoder.0 self", or of
/// layers that are one, "encoder.0-5".
void write_attention(std::ostream& out, Model& model) {
  const fusion::McanOptions options = mcan_options(model->options().config);
  const std::vector<std::pair<std::string, std::string>> blocks{
      {".attention", options.question_block().kind},
      {".self_attention", options.image_block().kind},
      {".cross_attention", options.cross_block().kind},
  };
  std::ostringstream each;
  int64_t sum = 0;
  for (const auto& module : model->named_modules()) {
    if (dynamic_cast<fusion::AttentionImpl*>(module.value().get()) == nullptr) continue;
    const int64_t count = parameter_count(*module.value());
    sum += count;
    const auto leaf = module.key().rfind('.');
    const std::string layer = module.key().substr(0, leaf), role = module.key().substr(leaf);
    const auto block = std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.first == role; });
    const std::string name = role.substr(1, role.find("_attention") - 1);
    write_line(each,
               "  " + layers_of(layer.substr(layer.find('.') + 1), options) + (role == ".attention" ? "" : " " + name),
               grouped(count) + " " + block->second);
  }
  std::ostringstream share;
  share << std::fixed << std::setprecision(2) << 100.0 * static_cast<double>(sum) / static_cast<double>(kMcanSmall);
  write_line(out, "attention", grouped(sum) + ", " + share.str() + " % of MCAN-small's " + grouped(kMcanSmall));
  out << each.str();
}

std::string describe_bundle(const fs::path& path) {
  Bundle bundle = Bundle::load(path);
  std::ostringstream out;
  write_line(out, "model", path.string());
  std::string trained = counted(bundle.record.epochs, "epoch") + ", " + counted(bundle.record.steps, "step");
  if (bundle.record.accuracy >= 0) {
    std::ostringstream accuracy;
    accuracy << std::fixed << std::setprecision(2) << bundle.record.accuracy;
    trained += ", " + accuracy.str() + " % on " + bundle.config.training.val_split;
  }
  write_line(out, "trained", trained);
  write_line(out, "answers", grouped(bundle.answers.size()));
  write_line(out, "tokens", grouped(bundle.tokenizer->vocabulary_size()) + " (" + bundle.tokenizer->kind() + ")");
  write_line(out, "parameters", grouped(parameter_count(*bundle.model)));
  for (const auto& part : bundle.model->named_children()) {
    const int64_t count = parameter_count(*part.value());
    if (count > 0) write_line(out, "  " + part.key(), grouped(count));
  }
  write_attention(out, bundle.model);
  if (!bundle.grids.backbone.empty()) {
    out << "\ngrid features made by\n";
    write_lines(out, bundle.grids, "  ");
  } else if (!bundle.model->blind() && !bundle.model->sees_pictures()) {
    write_line(out, "grid features", grouped(bundle.model->grid_channels()) + " channels, made elsewhere");
  }
  out << "\nmodel\n";
  for (const Field& field : fields(bundle.config.model)) write_line(out, "  " + field.name, field.text());
  out << "training\n";
  for (const Field& field : fields(bundle.config.training)) write_line(out, "  " + field.name, field.text());
  return out.str();
}

std::string describe_tensors(const fs::path& path) {
  const data::TensorFile file = data::read_tensors(path);
  std::ostringstream out;
  for (const auto& [key, value] : file.metadata) write_line(out, key, value);
  int64_t elements = 0;
  for (const auto& [name, tensor] : file.tensors) {
    out << data::printable(name) << "  " << tensor.dtype().name() << "  " << tensor.sizes() << "\n";
    elements += tensor.numel();
  }
  out << file.tensors.size() << " tensors, " << grouped(elements) << " elements\n";
  return out.str();
}

}  // namespace

std::string describe(const fs::path& path) {
  if (fs::is_directory(path)) return describe_bundle(path);
  if (!fs::exists(path))
    throw std::runtime_error(path.string() + ": does not exist; give a model's folder or a tensor file");
  return describe_tensors(path);
}

}  // namespace vqa
