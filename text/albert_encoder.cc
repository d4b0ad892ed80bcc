#include "text/albert_encoder.h"

#include "text/albert_layers.h"

namespace text {
namespace {

/// Registers a parameter under a name of several parts, making the modules between.
void register_named(torch::nn::Module& module, const std::string& name, const torch::Tensor& parameter) {
  const size_t dot = name.find('.');
  if (dot == std::string::npos) {
    module.register_parameter(name, parameter);
    return;
  }
  const std::string part = name.substr(0, dot);
  const auto children = module.named_children();
  const auto* found = children.find(part);
  const auto child = found ? *found : module.register_module(part, std::make_shared<torch::nn::Module>());
  register_named(*child, name.substr(dot + 1), parameter);
}

torch::Tensor initial(const std::string& name, at::IntArrayRef sizes) {
  constexpr double kDeviation = 0.02;
  if (sizes.size() == 2) {
    torch::Tensor matrix = torch::empty(sizes).normal_(0, kDeviation);
    if (name == kWordEmbeddings) matrix[0].zero_();
    return matrix;
  }
  return name.ends_with(".bias") ? torch::zeros(sizes) : torch::ones(sizes);
}

}  // namespace

AlbertEncoderImpl::AlbertEncoderImpl(const AlbertOptions& options) : options_(options) {
  options_.validate();
  for (const auto& [name, tensor] : albert_tensors(options_).tensors)
    register_named(*this, name, initial(name, tensor.sizes()));
}

torch::Tensor AlbertEncoderImpl::forward(const torch::Tensor& ids, const torch::Tensor& lengths) {
  data::TensorFile tensors;
  bool records = false;
  for (const auto& item : named_parameters()) {
    tensors.tensors[item.key()] = item.value();
    records = records || (torch::GradMode::is_enabled() && item.value().requires_grad());
  }
  const AlbertWeights weights(tensors, options_);
  const PackedQuestions questions = pack_questions(ids, lengths, options_);
  const bool plain = ids.device().is_cpu() && weights.words.scalar_type() == torch::kFloat32;
  return plain && !records ? infer_albert(ids, questions, weights, options_)
                           : run_albert(ids, questions, weights, options_);
}

}  // namespace text
