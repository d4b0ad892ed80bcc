#include "vqa/training_state.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "data/safetensors.h"

namespace vqa {
using nlohmann::json;

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TrainingState, epoch, batch, steps, epoch_loss, epoch_questions, log_loss,
                                   log_questions, best_accuracy, best_epoch, seconds, epoch_seconds, metrics_bytes,
                                   questions, data)

namespace {

constexpr const char* kKey = "state";  // in the file's metadata

}  // namespace

void TrainingState::save(const std::filesystem::path& path, const Adam& adam) const {
  data::TensorFile file;
  adam.save(file);
  file.metadata[kKey] = json(*this).dump();  // nlohmann writes doubles so that they read back the same
  data::write_safetensors(path, file);
}

TrainingState TrainingState::load(const std::filesystem::path& path, Adam& adam) {
  const data::TensorFile file = data::read_safetensors(path);
  try {
    const auto found = file.metadata.find(kKey);
    if (found == file.metadata.end()) throw std::runtime_error("is no training state");
    const TrainingState state = json::parse(found->second).get<TrainingState>();
    adam.load(file);
    return state;
  } catch (const json::exception&) {
    throw std::runtime_error(path.string() + ": its training state is damaged");
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(path.string() + ": " + error.what());
  }
}

}  // namespace vqa
