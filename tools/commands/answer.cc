// vqa answer: questions about one picture.
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "data/image_listing.h"
#include "tools/commands/commands.h"
#include "tools/commands/output_file.h"
#include "tools/commands/runtime.h"
#include "tools/commands/usage.h"
#include "vision/image.h"
#include "vqa/answerer.h"
#include "vqa/overlay.h"

namespace tools {
namespace po = boost::program_options;

namespace {

void print_text(const vqa::Answer& answer) {
  std::cout << answer.question << "\n";
  for (const vqa::RankedAnswer& ranked : answer.answers) {
    std::cout << std::fixed << std::setprecision(1) << std::setw(7) << ranked.probability * 100 << " %  " << ranked.text
              << "\n";
  }
}

void print_json(const vqa::Answer& answer) {
  nlohmann::ordered_json object{{"question", answer.question}, {"answers", nlohmann::ordered_json::array()}};
  for (const vqa::RankedAnswer& ranked : answer.answers) {
    object["answers"].push_back({{"answer", ranked.text}, {"probability", ranked.probability}});
  }
  std::cout << object.dump() << "\n";
}

struct AnswerOptions {
  std::string model, image, overlay, weights;
  std::vector<std::string> questions;
  int64_t top = 5;
  bool json = false;
  FeatureFlags features;
  RuntimeOptions runtime;

  /// Throws UsageError for a value that is not allowed, and for flags that say something of a picture where features
  /// are read in its place.
  void check() const;
};

void AnswerOptions::check() const {
  if (top < 1) throw UsageError("top: " + std::to_string(top) + "; allowed is 1 or more");
  if (features.file.empty()) return;
  if (image.empty()) throw UsageError("the option '--image' is required: it names the picture in the store");
  if (!weights.empty() || !overlay.empty())
    throw UsageError("features: are read in place of the picture; leave out --weights and --overlay");
}

/// The picture's row in a store: by its folder's name and the number in its own, as vqa extract has them. The file need
/// not be there.
const data::GridImage& find_grid(const data::GridStore& store, const std::filesystem::path& image) {
  const std::string folder = data::folder_name(image.has_parent_path() ? image.parent_path() : ".");
  const int64_t number = data::image_number(image);
  if (const data::GridImage* found = store.find(folder, number)) return *found;
  throw std::runtime_error(store.path().string() + ": lacks image " + std::to_string(number) + " of " + folder +
                           ", which " + image.string() + " names");
}

/// A model that sees pictures needs one, and one that does not has none to show.
void require_what_it_sees(const vqa::ModelImpl& model, const AnswerOptions& options) {
  if (!model.blind()) {
    if (options.image.empty()) throw UsageError("the option '--image' is required: the model answers about a picture");
  } else if (!options.image.empty() || !options.overlay.empty()) {
    throw UsageError("the model was trained with --no-image and sees no pictures; leave out --image and --overlay");
  }
}

void run(const AnswerOptions& options) {
  options.check();
  std::vector<std::string> read = files_in(options.model);
  read.insert(read.end(), {options.image, options.weights});
  require_not_read("overlay", options.overlay, read);
  const vqa::SightOptions sight{.device = prepare(options.runtime), .one_picture = true};
  // Before the model takes time.
  const std::unique_ptr<const data::GridStore> store = options.features.open();
  const data::GridImage* grid = store ? &find_grid(*store, options.image) : nullptr;
  cv::Mat image;
  if (!options.image.empty() && !store) image = vision::read_image(options.image);
  vqa::Bundle bundle = vqa::Bundle::load_for_inference(options.model, sight);
  store ? vqa::require_same_grids(bundle, *store, options.features.force) : bundle.give_sight(options.weights, sight);
  require_what_it_sees(*bundle.model, options);
  vqa::Answerer answerer(std::move(bundle), {.one_picture = true});
  const std::vector<vqa::Answer> answers = store ? answerer.answer(*store, *grid, options.questions, options.top)
                                                 : answerer.answer(image, options.questions, options.top);
  for (const vqa::Answer& each : answers) options.json ? print_json(each) : print_text(each);
  if (!options.overlay.empty()) vision::write_png(options.overlay, vqa::draw_overlay(image, answers));
}

}  // namespace

int answer(const std::vector<std::string>& arguments) {
  AnswerOptions answer;
  po::options_description options("Options");
  options.add_options()("model", po::value(&answer.model)->required(), "the model's folder")(
      "image", po::value(&answer.image), "JPEG, PNG, BMP or WebP file; left out where the model sees no pictures")(
      "question", po::value(&answer.questions)->composing()->required(), "a question; may be given several times")(
      "top", po::value(&answer.top)->default_value(answer.top), "answers to print per question")(
      "overlay", po::value(&answer.overlay), "PNG file for the picture with a heat map of where the model looked")(
      "json", po::bool_switch(&answer.json), "print one JSON object per question")(
      "weights", po::value(&answer.weights), kSightWeightsHelp);
  answer.features.add_to(options);
  add_runtime_options(options, answer.runtime);
  const Usage usage{
      "vqa answer --model BUNDLE [--image FILE] --question TEXT ... [OPTIONS]",
      "Prints the most probable answers. Where the model was trained with --loss binary, a probability is the\n"
      "sigmoid of an answer's logit: several answers can be right, and they do not add up to 100 %.\n"
      "With --features, what the model sees is read from a store, in which --image names the picture: the store's\n"
      "folder val2014 has x/val2014/y_42.jpg as image 42."};
  if (parse(usage, options, arguments)) run(answer);
  return 0;
}

}  // namespace tools
