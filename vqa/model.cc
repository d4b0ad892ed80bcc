#include "vqa/model.h"

#include <cmath>
#include <stdexcept>

#include "data/weights.h"

namespace vqa {

fusion::McanOptions mcan_options(const ModelConfig& c) {
  fusion::McanOptions options;
  options.layer.attention = {.kind = c.attention,
                             .dim = c.dim,
                             .heads = c.heads,
                             .d_p = c.d_p,
                             .d_in = c.d_in,
                             .linformer_k = c.linformer_k,
                             .linformer_sharing = c.linformer_sharing,
                             .kernel = c.kernel,
                             .kernel_depth = c.kernel_depth,
                             .dropout = c.dropout};
  options.question_attention = c.question_attention;
  options.image_attention = c.image_attention;
  options.cross_attention = c.cross_attention;
  options.max_tokens = c.max_tokens;
  options.max_cells = c.max_cells;
  options.layer.feed_forward = c.feed_forward;
  options.layer.activation = c.activation;
  options.layer.layer_norm = c.layer_norm;
  options.layer.dropout = c.dropout;
  options.encoder_layers = c.encoder_layers;
  options.decoder_layers = c.no_image ? 0 : c.decoder_layers;
  options.share_layers = c.share_layers;
  return options;
}

std::string attention_text(const ModelConfig& c) {
  const fusion::McanOptions options = mcan_options(c);
  const std::string question = options.question_block().kind, image = options.image_block().kind,
                    cross = options.cross_block().kind;
  if (question == image && image == cross) return question;
  return question + " (question), " + image + " (image), " + cross + " (cross)";
}

vision::ImageTransformOptions transform_options(const ModelConfig& c) {
  return {.rule = c.image_rule, .size = c.image_size};
}

ModelImpl::ModelImpl(const ModelOptions& options) : options_(options), transform_(transform_options(options.config)) {
  const ModelConfig& c = options.config;
  c.validate();
  if (!c.no_image) make_image_side();
  make_question_side();
  mcan_ = register_module("mcan", fusion::Mcan(mcan_options(c)));
  const fusion::AttentionPoolOptions pool{
      .dim = c.dim, .hidden_dim = c.pool_dim, .out_dim = c.fused_dim, .dropout = c.dropout};
  question_pool_ = register_module("question_pool", fusion::AttentionPool(pool));
  if (!c.no_image) image_pool_ = register_module("image_pool", fusion::AttentionPool(pool));
  norm_ =
      register_module("norm", fusion::LayerNorm(fusion::LayerNormOptions{.dim = c.fused_dim, .form = c.layer_norm}));
  classifier_ = register_module("classifier", torch::nn::Linear(c.fused_dim, options.answers));
  // One answer of all is right: without this the first epochs only teach every logit to be low.
  torch::nn::init::constant_(classifier_->bias, -std::log(static_cast<double>(options.answers)));
}

void ModelImpl::make_question_side() {
  const ModelConfig& c = options_.config;
  const text::QuestionEncoderOptions encoder{
      .question_encoder = c.question_encoder,
      .lstm = {.vocabulary_size = options_.words, .word_dim = c.word_dim, .dim = c.dim},
      .albert = albert_options(c, options_.words)};
  question_encoder_ = register_module(kQuestionEncoder, text::make_question_encoder(encoder));
  if (c.freeze_question) {
    for (torch::Tensor& parameter : question_encoder_->parameters()) parameter.set_requires_grad(false);
  }
  if (question_encoder_->dim() != c.dim) {
    question_projection_ = register_module("question_projection", torch::nn::Linear(question_encoder_->dim(), c.dim));
  }
}

void ModelImpl::make_image_side() {
  const ModelConfig& c = options_.config;
  if (options_.grid_channels == 0) {
    backbone_ = register_module("backbone", vision::ResNet(vision::ResNetOptions{.backbone = c.backbone}));
    if (c.freeze_backbone) backbone_->set_frozen(true);
  }
  grid_projection_ = register_module("grid_projection", torch::nn::Linear(grid_channels(), c.dim));
  grid_position_ = register_module(
      "grid_position", fusion::GridPosition(fusion::GridPositionOptions{.form = c.grid_position, .dim = c.dim}));
}

ModelOutput ModelImpl::forward(const Batch& batch) {
  if (!blind()) return forward(batch, encode_image(batch));
  const fusion::Sequence words = mcan_->encode(encode_question(batch)).sequence;
  return {.logits = classify(question_pool_->forward(words).features)};
}

ModelOutput ModelImpl::forward(const Batch& batch, const Grid& grid) {
  const Fused fused = fuse(encode_question(batch), grid, batch.image_index);
  return {fused.logits, fused.image.weights, grid.height, grid.width};
}

fusion::Sequence ModelImpl::encode_question(const Batch& batch) {
  torch::Tensor words =
      batch.question_features.defined() ? batch.question_features : read_tokens(batch.tokens, batch.token_lengths);
  if (question_projection_) words = question_projection_(words);
  return fusion::Sequence::padded(words, batch.token_lengths);
}

torch::Tensor ModelImpl::read_tokens(const torch::Tensor& ids, const torch::Tensor& lengths) {
  const ModelConfig& c = options_.config;
  if (!c.freeze_question || c.question_encoder != text::kAlbert) return question_encoder_->forward(ids, lengths);
  if (!frozen_albert_) {
    frozen_albert_ = std::make_shared<const text::FrozenAlbert>(
        albert_options(c, options_.words), data::network_tensors(*question_encoder_),
        text::FrozenAlbertOptions{.precision = c.question_precision, .device = device()});
  }
  return frozen_albert_->forward(ids, lengths);
}

ModelImpl::Grid ModelImpl::encode_image(const Batch& batch) {
  if (batch.grid.defined()) {
    const torch::Tensor cells =
        grid_position_->forward_each(grid_projection_(batch.grid), batch.grid_sizes);  // (I, n, D)
    return {fusion::Sequence::padded(cells, batch.grid_lengths)};
  }
  TORCH_CHECK(sees_pictures(), "the model has no backbone to see pictures with");
  const torch::Tensor images = transform_.normalize(batch.images);                             // (I, 3, H, W)
  const torch::Tensor grid = backbone_ ? backbone_->forward(images) : eyes_->forward(images);  // (I, C, h, w)
  const int64_t height = grid.size(2), width = grid.size(3);
  torch::Tensor cells = grid_projection_(grid.flatten(2).transpose(1, 2));
  cells = grid_position_->forward(cells, height, width);  // (I, n, D)
  return {{cells, {}}, height, width};
}

ModelImpl::Fused ModelImpl::fuse(const fusion::Sequence& question, const Grid& grid, const torch::Tensor& image_index) {
  Fused fused;
  fused.sides = mcan_->forward(question, grid.cells, image_index);
  fused.question = question_pool_->forward(fused.sides.question);
  fused.image = image_pool_->forward(fused.sides.image);
  fused.logits = classify(fused.question.features + fused.image.features);
  return fused;
}

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const torch::Tensor& parameter : module.parameters()) count += parameter.numel();
  return count;
}

}  // namespace vqa
