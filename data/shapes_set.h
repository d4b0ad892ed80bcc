// The shapes set as a sequence of scenes with questions, before anything is written.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/layout.h"
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
  SplitLayout split{};   // train or val
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

}  // namespace data
