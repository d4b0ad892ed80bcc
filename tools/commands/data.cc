// vqa data shapes, vqa data check.
#include <iostream>

#include "data/check.h"
#include "data/shapes.h"
#include "tools/commands/commands.h"
#include "tools/commands/interrupt.h"
#include "tools/commands/progress_bar.h"
#include "tools/commands/usage.h"
#include "vision/image.h"

namespace tools {
namespace po = boost::program_options;

namespace {

template <class Value>
po::typed_value<Value>* with_default(Value& value) {
  return po::value(&value)->default_value(value);
}

/// Adds a problem for every image file whose structure is broken.
void check_images(data::DataReport& report) {
  ProgressBar bar("checking images");
  const std::atomic<bool>& interrupted = catch_interrupts();
  int64_t done = 0;
  for (const auto& file : report.image_files) {
    if (interrupted) throw std::runtime_error("stopped before all images were checked");
    try {
      vision::check_image_file(file);
    } catch (const std::runtime_error& error) {
      report.problems.push_back(error.what());
    }
    bar.update(++done, static_cast<int64_t>(report.image_files.size()));
  }
  report.ok = report.problems.empty();
}

}  // namespace

int data_shapes(const std::vector<std::string>& arguments) {
  data::ShapesOptions shapes;
  std::string out;
  po::options_description options("Options");
  options.add_options()("out", po::value(&out)->required(), "folder to write")("images", with_default(shapes.images),
                                                                               "training scenes")(
      "validation-images", with_default(shapes.validation_images), "validation scenes")(
      "questions-per-image", with_default(shapes.questions_per_image), "questions about each scene")(
      "seed", with_default(shapes.seed), "another seed, another set")("image-size", with_default(shapes.image_size),
                                                                      "side of a picture, pixels")(
      "min-objects", with_default(shapes.min_objects), "objects in a scene, at least")(
      "max-objects", with_default(shapes.max_objects), "objects in a scene, at most");
  const Usage usage{
      "vqa data shapes --out DIR [OPTIONS]",
      "Draws small scenes of coloured shapes and asks questions about them, in VQA-v2's own layout. Equal\n"
      "options give equal bytes on every machine."};
  if (!parse(usage, options, arguments)) return 0;
  ProgressBar bar("drawing");
  const std::atomic<bool>& interrupted = catch_interrupts();
  const data::ShapesReport report = data::write_shapes(out, shapes, [&](int64_t done, int64_t total) {
    if (interrupted) throw std::runtime_error("stopped before all scenes were drawn; nothing was written");
    bar.update(done, total);
  });
  bar.clear();
  std::cout << out << ": " << report.training_images << " training images with " << report.training_questions
            << " questions, " << report.validation_images << " validation images with " << report.validation_questions
            << "; " << report.words << " words, " << report.answers << " answers\n";
  return 0;
}

int data_check(const std::vector<std::string>& arguments) {
  std::string dir;
  int64_t min_answer_count = data::kMinAnswerCount;
  bool images = false;
  po::options_description options("Options");
  options.add_options()("data", po::value(&dir)->required(), "the data folder (also without the flag's name)")(
      "min-answer-count", with_default(min_answer_count), "answers kept occur at least this often in training")(
      "images", po::bool_switch(&images), "read every image file too, and tell which are truncated or no pictures");
  const Usage usage{
      "vqa data check DIR [OPTIONS]",
      "Says which splits of VQA-v2's layout a folder holds, what is missing or inconsistent, and how many\n"
      "answers a model would keep. Exit code 1 where anything is wrong."};
  if (!parse(usage, options, arguments, "data")) return 0;
  data::DataReport report = data::check_data(dir, min_answer_count);
  if (images) check_images(report);
  std::cout << data::to_text(report);
  return report.ok ? 0 : 1;
}

}  // namespace tools
