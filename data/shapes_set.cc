#include "data/shapes_set.h"

#include <stdexcept>
#include <string>
#include <unordered_set>

#include "data/settings.h"

namespace data {
namespace {

constexpr int64_t kMostImages = 1'000'000;
constexpr int64_t kMostObjects = 12;
constexpr int64_t kLargestImage = 1024;
constexpr int64_t kSmallestCell = 18;  // pixels: in a smaller one, small circles and squares look alike
constexpr int64_t kSceneTries = 10'000;

}  // namespace

void ShapesOptions::validate() const {
  check_range("images", images, 1, kMostImages);
  check_range("validation-images", validation_images, 1, kMostImages);
  check_range("questions-per-image", questions_per_image, 1, 32);
  check_range("seed", seed, 0, INT64_MAX);
  check_range("max-objects", max_objects, 1, kMostObjects);
  check_range("min-objects", min_objects, 1, max_objects);
  int64_t smallest = 1;
  while (ShapesLayout{smallest, min_objects, max_objects}.cell() < 16 * kSmallestCell) ++smallest;
  if (image_size < smallest || image_size > kLargestImage) {
    refuse_value("image-size", image_size,
                 std::to_string(smallest) + " to " + std::to_string(kLargestImage) + " pixels for scenes of up to " +
                     std::to_string(max_objects) + " objects");
  }
}

struct ShapesStream::State {
  ShapesOptions options;
  ExactRandom random;
  ShapesQuestioner training;
  ShapesQuestioner validation;
  std::unordered_set<std::string> training_scenes;  // as described
  int64_t done = 0;

  ShapesScene new_scene() {
    for (int64_t i = 0; i < kSceneTries; ++i) {
      ShapesScene scene = random_shapes_scene(options.layout(), random);
      if (!training_scenes.contains(describe(scene))) return scene;
    }
    throw std::runtime_error("validation scenes: " + std::to_string(options.images) +
                             " training images leave no scene of at most " + std::to_string(options.max_objects) +
                             " objects that is not among them; ask for fewer images or more objects");
  }
};

ShapesStream::ShapesStream(const ShapesOptions& options) {
  options.validate();
  const ShapesQuestioner questioner(options.layout());
  state_ = std::make_unique<State>(
      State{options, ExactRandom(static_cast<uint64_t>(options.seed)), questioner, questioner, {}});
}

ShapesStream::~ShapesStream() = default;

bool ShapesStream::next(ShapesExample& example) {
  State& s = *state_;
  if (s.done == s.options.images + s.options.validation_images) return false;
  const bool training = s.done < s.options.images;
  example.split = known_splits()[training ? 0 : 1];
  example.image_id = ++s.done;
  example.scene = training ? random_shapes_scene(s.options.layout(), s.random) : s.new_scene();
  if (training) s.training_scenes.insert(describe(example.scene));
  ShapesQuestioner& questioner = training ? s.training : s.validation;
  example.questions = questioner.ask(example.scene, s.options.questions_per_image, s.random);
  return true;
}

}  // namespace data
