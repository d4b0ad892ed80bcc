// vqa answer: questions about one picture.
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/commands/commands.h"
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

/// A model that sees pictures needs one, and one that does not has none to show.
void require_what_it_sees(const vqa::ModelImpl& model, const std::string& image, const std::string& overlay) {
  if (!model.blind()) {
    if (image.empty()) throw UsageError("the option '--image' is required: the model answers about a picture");
  } else if (!image.empty() || !overlay.empty()) {
    throw UsageError("the model was trained with --no-image and sees no pictures; leave out --image and --overlay");
  }
}

}  // namespace

int answer(const std::vector<std::string>& arguments) {
  std::string model, image_path, overlay, weights;
  std::vector<std::string> questions;
  int64_t top = 5;
  RuntimeOptions runtime;
  po::options_description options("Options");
  options.add_options()("model", po::value(&model)->required(), "the model's folder")(
      "image", po::value(&image_path), "JPEG, PNG, BMP or WebP file; left out where the model sees no pictures")(
      "question", po::value(&questions)->composing()->required(), "a question; may be given several times")(
      "top", po::value(&top)->default_value(top), "answers to print per question")(
      "overlay", po::value(&overlay), "PNG file for the picture with a heat map of where the model looked")(
      "json", po::bool_switch(), "print one JSON object per question")("weights", po::value(&weights),
                                                                       kSightWeightsHelp);
  add_runtime_options(options, runtime);
  const Usage usage{
      "vqa answer --model BUNDLE [--image FILE] --question TEXT ... [OPTIONS]",
      "Prints the most probable answers. Where the model was trained with --loss binary, a probability is the\n"
      "sigmoid of an answer's logit: several answers can be right, and they do not add up to 100 %."};
  const auto values = parse(usage, options, arguments);
  if (!values) return 0;
  if (top < 1) throw UsageError("top: " + std::to_string(top) + "; allowed is 1 or more");
  const vqa::SightOptions sight{.device = prepare(runtime), .one_picture = true};

  cv::Mat image;  // before the model takes time
  if (!image_path.empty()) image = vision::read_image(image_path);
  vqa::Bundle bundle = vqa::Bundle::load_for_inference(model, sight);
  bundle.give_sight(weights, sight);
  require_what_it_sees(*bundle.model, image_path, overlay);
  vqa::Answerer answerer(std::move(bundle), {.one_picture = true});
  const std::vector<vqa::Answer> answers = answerer.answer(image, questions, top);
  for (const vqa::Answer& each : answers) (*values)["json"].as<bool>() ? print_json(each) : print_text(each);
  if (!overlay.empty()) vision::write_png(overlay, vqa::draw_overlay(image, answers));
  return 0;
}

}  // namespace tools
