// The shapes set: a small visual question answering set that the program draws itself.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/shapes_questions.h"
#include "data/shapes_scene.h"

namespace data {

struct ShapesOptions {
  int64_t images = 4000;            // training scenes, 1 to 1,000,000
  int64_t validation_images = 500;  // validation scenes, 1 to 1,000,000
  int64_t questions_per_image = 8;  // 1 to 32
  int64_t seed = 1;                 // 0 or more; another seed, another set
  int64_t image_size = 64;          // pixels, both sides; 48 to 1024, and more than 48 where max_objects is above 3
  int64_t min_objects = 1;          // per scene, 1 to max_objects
  int64_t max_objects = 3;          // per scene, 1 to 12

  /// Throws std::invalid_argument naming the field, its value and what is allowed.
  void validate() const;
  ShapesLayout layout() const { return {image_size, min_objects, max_objects}; }
};

/// One picture of the set and its questions.
struct ShapesExample {
  std::string split;     // "train2014" or "val2014"
  int64_t image_id = 0;  // 1, 2, ... through both splits
  ShapesScene scene;
  std::vector<ShapesQuestion> questions;  // the k-th one's question_id is image_id * 1000 + k
};

/// The set, one picture after another: training scenes, then validation scenes. No validation scene shows the same
/// objects at the same places as a training scene. Equal options give equal examples on every machine.
class ShapesStream {
 public:
  /// Throws std::invalid_argument for options out of range.
  explicit ShapesStream(const ShapesOptions& options);
  ~ShapesStream();

  /// The next example; false after the last. Throws std::runtime_error where every scene that can be drawn for
  /// validation is a training scene already.
  bool next(ShapesExample& example);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct ShapesReport {
  int64_t training_images = 0;
  int64_t training_questions = 0;
  int64_t validation_images = 0;
  int64_t validation_questions = 0;
  int64_t words = 0;    // distinct words in all questions
  int64_t answers = 0;  // distinct answers
};

/// Writes the set into the folder `dir` in VQA-v2's layout:
///   v2_OpenEnded_mscoco_{train2014,val2014}_questions.json, v2_mscoco_{train2014,val2014}_annotations.json,
///   {train2014,val2014}/COCO_{split}_%012d.png.
/// Equal options give equal bytes in every file on every machine. All is written into a temporary folder beside `dir`
/// and takes its place when complete: a `dir` that holds an earlier shapes set is replaced then, an empty one is
/// filled, one that holds anything else is refused. `progress` (may be empty) hears of each picture; an exception that
/// it throws ends the work, with nothing left behind.
/// Throws std::invalid_argument for options, std::runtime_error with the path for a folder that cannot be written.
ShapesReport write_shapes(const std::filesystem::path& dir, const ShapesOptions& options,
                          const std::function<void(int64_t done, int64_t total)>& progress = {});

}  // namespace data
