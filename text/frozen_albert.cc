#include "text/frozen_albert.h"

#include <stdexcept>

#include "data/settings.h"
#include "data/weights.h"
#include "text/albert_layers.h"

namespace text {
namespace {

/// The tensors in the types and on the device that forward() wants them.
data::TensorFile prepare(const AlbertOptions& options, const data::TensorFile& tensors,
                         const FrozenAlbertOptions& frozen) {
  options.validate();
  data::check_name("precision", frozen.precision, albert_precisions());
  const data::TensorFile wanted = albert_tensors(options);
  const data::LoadReport report = data::match_tensors(wanted, tensors, {.file = "weights", .prefix = ""});
  if (!report.missing.empty())
    throw std::runtime_error("weights: tensor '" + report.missing.front() + "' is missing; use an ALBERT's file");
  data::TensorFile prepared;
  for (const auto& [name, shape] : wanted.tensors) {
    const bool matrix = shape.dim() == 2 && !name.starts_with("embeddings.");
    const bool half = frozen.precision == "bfloat16" && (matrix || !frozen.device.is_cpu());
    const torch::Tensor tensor = tensors.at(name).detach().to(frozen.device, half ? torch::kBFloat16 : torch::kFloat32);
    prepared.tensors[name] = tensor.contiguous();
  }
  return prepared;
}

}  // namespace

std::vector<std::string> albert_precisions() { return {"float32", "bfloat16"}; }

FrozenAlbert::FrozenAlbert(const AlbertOptions& options, const data::TensorFile& tensors,
                           const FrozenAlbertOptions& frozen)
    : options_(options), device_(frozen.device), weights_(prepare(options, tensors, frozen), options) {}

torch::Tensor FrozenAlbert::forward(const torch::Tensor& ids, const torch::Tensor& lengths) const {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor here = ids.to(device_);
  const PackedQuestions questions = pack_questions(here, lengths, options_);
  return device_.is_cpu() ? infer_albert(here, questions, weights_, options_)
                          : run_albert(here, questions, weights_, options_).to(torch::kFloat32);
}

}  // namespace text
