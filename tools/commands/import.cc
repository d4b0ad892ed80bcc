// vqa import: other programs' checkpoints as models.
#include <iostream>

#include "data/atomic_folder.h"
#include "data/grouped.h"
#include "data/settings.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/usage.h"
#include "vqa/openvqa_import.h"
#include "vqa/openvqa_names.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;
using data::grouped;

namespace {

struct ImportOptions {
  std::string from, checkpoint, answers, out, features, weights;
  std::vector<std::string> questions;
  int64_t heads = vqa::OpenvqaSources().heads;
};

/// Nothing that is there is replaced: it took more time to make than an import.
void require_free(const fs::path& out) {
  if (fs::exists(out) && !(fs::is_directory(out) && fs::is_empty(out)))
    throw std::runtime_error(out.string() + ": exists; move it away or choose another --out");
}

void run(const ImportOptions& options) {
  data::check_name("from", options.from, data::names_of(vqa::openvqa_dialects()));
  if (options.features.empty() && !options.weights.empty())
    throw UsageError("weights: are those that made a store's features; give the store by --features too");
  require_free(options.out);
  catch_interrupts();
  std::unique_ptr<const data::GridStore> store;
  if (!options.features.empty()) store = std::make_unique<data::GridStore>(options.features);
  vqa::Bundle bundle = vqa::import_openvqa({.checkpoint = options.checkpoint,
                                            .questions = {options.questions.begin(), options.questions.end()},
                                            .answers = options.answers,
                                            .heads = options.heads,
                                            .features = {.store = store.get(), .weights = options.weights}});
  require_not_interrupted();
  data::AtomicFolder folder(options.out);
  bundle.write(folder.path());
  require_free(options.out);
  folder.commit();
  const vqa::ModelConfig& model = bundle.config.model;
  std::cout << options.out << ": MCAN of " << model.encoder_layers << " + " << model.decoder_layers << " layers, width "
            << model.dim << ", " << model.heads << " heads, " << grouped(vqa::parameter_count(*bundle.model))
            << " parameters; " << grouped(bundle.answers.size()) << " answers, "
            << grouped(bundle.tokenizer->vocabulary_size()) << " tokens, features of "
            << grouped(bundle.model->grid_channels()) << " channels\n";
}

}  // namespace

int import_model(const std::vector<std::string>& arguments) {
  ImportOptions import;
  po::options_description options("Options");
  options.add_options()(
      "from", po::value(&import.from)->required(),
      ("the program that wrote the checkpoint: " + data::listed(data::names_of(vqa::openvqa_dialects()))).c_str())(
      "checkpoint", po::value(&import.checkpoint)->required(),
      "the checkpoint, .pkl or .safetensors (also without the flag's name)")(
      "questions", po::value(&import.questions)->multitoken()->required(),
      "the question files that its word list was made of, in that program's order: train, val, test, Visual Genome")(
      "answers", po::value(&import.answers)->required(), "its answer_dict.json")(
      "out", po::value(&import.out)->required(), "folder of the model to make")(
      "heads", po::value(&import.heads)->default_value(import.heads), "attention heads, which no tensor tells")(
      "features", po::value(&import.features), "a store of the grid features that it is to see, if there is one")(
      "weights", po::value(&import.weights),
      "the backbone's weights that made the store, kept in the model to see pictures by");
  const Usage usage{
      "vqa import --from openvqa CKPT --questions Q... --answers A --out BUNDLE [OPTIONS]",
      "Makes a model of an MCAN checkpoint, small or large, that openvqa or mcan-vqa trained. Its word list is\n"
      "made anew by their rule. It takes grid features: with --features those of a store, else any with as many\n"
      "channels."};
  if (parse(usage, options, arguments, "checkpoint")) run(import);
  return 0;
}

}  // namespace tools
