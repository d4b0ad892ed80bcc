// The whole network: pictures and tokens in, a logit for every answer out.
#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>

#include "fusion/attention_pool.h"
#include "fusion/grid_position.h"
#include "fusion/mcan.h"
#include "text/frozen_albert.h"
#include "text/make_question_encoder.h"
#include "vision/frozen_backbone.h"
#include "vision/image_transform.h"
#include "vision/resnet.h"
#include "vqa/batch.h"
#include "vqa/config.h"

namespace vqa {

struct ModelOptions {
  ModelConfig config;
  int64_t words = 2;          // the tokenizer's vocabulary size
  int64_t answers = 1;        // A, the answer vocabulary's size
  int64_t grid_channels = 0;  // C of grid features that come from outside; 0 for a model with a backbone in it
};

/// What the network gives for a batch of Q questions.
struct ModelOutput {
  torch::Tensor logits;           // (Q, A)
  torch::Tensor image_attention;  // (Q, n): where the pooling looked, each row sums to one; undefined without an image
  int64_t grid_height = 0;        // n = grid_height * grid_width; 0 where the grid features were given, or no image is
  int64_t grid_width = 0;
};

/// MCAN as published (Yu et al. 2019, section 4) over a grid of ResNet features: encoder-decoder, one attentional
/// pooling a side, sum, layer norm, classifier. With the setting no-image, only the question's side of it. Registered
/// names are the bundle's format.
class ModelImpl : public torch::nn::Module {
 public:
  /// Throws std::invalid_argument naming the setting that is wrong.
  explicit ModelImpl(const ModelOptions& options);

  ModelOutput forward(const Batch& batch);

  /// The steps of forward with an image, for tests and tools that look inside.
  fusion::Sequence encode_question(const Batch& batch);  // (Q, T, D)
  struct Grid {
    fusion::Sequence cells;         // (I, n, D), projected, with positions
    int64_t height = 0, width = 0;  // 0 where the features were given
  };
  Grid encode_image(const Batch& batch);
  ModelOutput forward(const Batch& batch, const Grid& grid);  // the rest
  struct Fused {
    fusion::McanImpl::Output sides;
    fusion::Pooled question, image;  // (Q, fused_dim)
    torch::Tensor logits;            // (Q, A)
  };
  Fused fuse(const fusion::Sequence& question, const Grid& grid, const torch::Tensor& image_index);

  /// How pictures become this network's input.
  const vision::ImageTransform& transform() const { return transform_; }
  const ModelOptions& options() const { return options_; }
  torch::Device device() const { return classifier_->weight.device(); }

  /// What the attention kinds add to a loss; undefined where they add nothing.
  torch::Tensor penalty() const { return mcan_->penalty(); }

  text::QuestionEncoderImpl& question_encoder() { return *question_encoder_; }
  /// What the question encoder gives for `ids` (Q, T) and `lengths` (Q): (Q, T, its width). A frozen ALBERT is prepared
  /// at the first call, in question-precision: its weights may not change afterwards.
  torch::Tensor read_tokens(const torch::Tensor& ids, const torch::Tensor& lengths);
  static constexpr const char* kQuestionEncoder = "question_encoder";  // its name: its parameters' begin so

  /// The backbone, null in a model of given grid features.
  vision::ResNet backbone() const { return backbone_; }
  int64_t grid_channels() const { return backbone_ ? backbone_->channels() : options_.grid_channels; }  // C

  /// Lets a model without a backbone in it see pictures as well, by one beside it: that which it was trained with, or
  /// which made the features it was trained on. None takes its sight away.
  void see_by(std::shared_ptr<vision::FrozenBackbone> eyes) { eyes_ = std::move(eyes); }
  bool sees_pictures() const { return backbone_ || eyes_; }
  /// Whether it answers from the question alone.
  bool blind() const { return options_.config.no_image; }

 private:
  void make_question_side();
  void make_image_side();
  torch::Tensor classify(const torch::Tensor& fused) { return classifier_(norm_(fused)); }

  ModelOptions options_;
  vision::ImageTransform transform_;
  vision::ResNet backbone_{nullptr};
  std::shared_ptr<vision::FrozenBackbone> eyes_;
  std::shared_ptr<text::QuestionEncoderImpl> question_encoder_;
  std::shared_ptr<const text::FrozenAlbert> frozen_albert_;  // null until it is used
  torch::nn::Linear question_projection_{nullptr};           // null where the encoder's features have the model's width
  torch::nn::Linear grid_projection_{nullptr};
  fusion::GridPosition grid_position_{nullptr};
  fusion::Mcan mcan_{nullptr};
  fusion::AttentionPool question_pool_{nullptr}, image_pool_{nullptr};
  fusion::LayerNorm norm_{nullptr};
  torch::nn::Linear classifier_{nullptr};
};
TORCH_MODULE(Model);

/// The settings of the parts, as the rooms below want them.
fusion::McanOptions mcan_options(const ModelConfig& config);
vision::ImageTransformOptions transform_options(const ModelConfig& config);

/// "dba", or "vanilla (question), dba (image), dba (cross)".
std::string attention_text(const ModelConfig& config);

/// The numbers a module holds in its parameters, buffers not counted.
int64_t parameter_count(const torch::nn::Module& module);

}  // namespace vqa
