// A trained model as a folder that moves by copying.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "data/answer_vocabulary.h"
#include "data/grid_store.h"
#include "text/tokenizer.h"
#include "vqa/config.h"
#include "vqa/model.h"

namespace vqa {

/// How far the weights of a bundle were trained; kept in the weights' file.
struct TrainingRecord {
  int64_t epochs = 0;    // finished
  int64_t steps = 0;     // taken
  double accuracy = -1;  // on the validation split, percent; negative where it was not measured
};

/// As a file of weights keeps it.
std::map<std::string, std::string> metadata(const TrainingRecord& record);

/// Where a model looks at pictures, and at how many.
struct SightOptions {
  torch::Device device = torch::kCPU;
  bool one_picture = false;  // made quicker in less memory; slower where there are more
};

/// All that is needed to answer: `config.json`, `model.safetensors`, `answers.txt`, the tokenizer's file, and
/// `backbone.weights` where the model was trained on features that another network made.
struct Bundle {
  Config config;
  data::AnswerVocabulary answers;
  std::shared_ptr<const text::Tokenizer> tokenizer;
  Model model{nullptr};
  TrainingRecord record;
  // How the grid features are made that it was trained on; no backbone where it was trained with one of its own, or
  // where that is not known: with a model that was trained elsewhere.
  data::GridProvenance grids;
  // The file of the backbone that makes them; empty where the bundle has none, or one in its model.
  std::filesystem::path backbone_weights;
  // Whether that file lies in this bundle's folder: then it never changes, and bundles written beside it share it.
  bool keeps_backbone = false;

  /// Reads a bundle's folder, with the model in evaluation mode on `device`. Throws std::runtime_error naming the file
  /// that is missing, truncated or does not fit the others, and for a bundle of a newer format.
  static Bundle load(const std::filesystem::path& folder, torch::Device device = torch::kCPU);

  /// The same to answer with alone, faster and in less memory: a backbone in the model becomes a vision::FrozenBackbone
  /// beside it, and on a CPU the other weights come from the file when they are used, which must not be cut short
  /// meanwhile (a file that takes its place does no harm). Not to be trained or written again.
  static Bundle load_for_inference(const std::filesystem::path& folder, const SightOptions& options = {});

  /// Lets a model that was trained on given grid features see pictures: with the backbone in `weights`, or where that
  /// is empty in the bundle. One that can already, or that needs none, stays as it is. Throws std::runtime_error where
  /// there is none, where it is no such backbone, where `weights` is not the file that made the features or nobody
  /// knows which did, and where it is not needed.
  void give_sight(const std::filesystem::path& weights, const SightOptions& options = {});

  /// Whether `folder` holds a bundle, complete or begun.
  static bool present(const std::filesystem::path& folder) noexcept;

  /// Whether a bundle's folder may hold a file of this name.
  static bool is_file(const std::string& name);

  /// Writes all files into an existing folder, each of them atomically, the weights last.
  void write(const std::filesystem::path& folder) const;

  /// Copies the backbone's file, if there is one from elsewhere, into an existing folder and uses that copy from now
  /// on. Throws std::runtime_error where it is no longer the file that made the features, and what copying throws.
  void keep_backbone_in(const std::filesystem::path& folder);
};

/// What a new model sees besides, or instead of, a backbone that begins with random weights.
struct FeatureOptions {
  const data::GridStore* store = nullptr;  // grid features; it is trained on these
  std::filesystem::path weights;           // the backbone's: with a store those that made it, else the first ones
  int64_t channels = 0;                    // without a store, of grid features whose making is not known; else 0
};

/// A new, untrained model for a vocabulary of answers and a tokenizer, its weights drawn from `config.training.seed`.
/// With a store its settings of backbone and images are the store's. Throws std::runtime_error where the weights are
/// not the backbone's, or not those that the store was made with.
Bundle make_bundle(const Config& config, data::AnswerVocabulary answers,
                   std::shared_ptr<const text::Tokenizer> tokenizer, const FeatureOptions& features = {});

/// A model of given features has the settings of backbone and images that they were made with.
void take_settings(const data::GridProvenance& grids, ModelConfig& config);

/// Throws std::runtime_error that names the first difference where the features of `store` were made otherwise than the
/// bundle's (where that is known), and always where the numbers of channels differ.
void require_same_grids(const Bundle& bundle, const data::GridStore& store, bool force = false);

}  // namespace vqa
