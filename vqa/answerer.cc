#include "vqa/answerer.h"

#include <algorithm>
#include <stdexcept>

#include "vqa/loss.h"

namespace vqa {

Answerer::Answerer(Bundle bundle, const AnswererOptions& options) : bundle_(std::move(bundle)), options_(options) {}

std::vector<Answer> Answerer::answer(const cv::Mat& image, const std::vector<std::string>& questions, int64_t top) {
  Batch batch;
  if (!bundle_.model->blind()) {
    if (!bundle_.model->sees_pictures())
      throw std::runtime_error(
          "the model was trained on given grid features and has no backbone to see a picture with");
    batch.images = bundle_.model->transform().resize(image).unsqueeze(0);  // (1, 3, H, W)
  }
  return answer(std::move(batch), questions, top);
}

std::vector<Answer> Answerer::answer(const data::GridStore& store, const data::GridImage& image,
                                     const std::vector<std::string>& questions, int64_t top) {
  Batch batch;
  batch.grid = torch::empty({1, image.cells(), store.channels()});  // (1, n, C)
  store.read_float(image, batch.grid.data_ptr<float>());
  batch.grid_sizes = torch::tensor({{int64_t{image.height}, int64_t{image.width}}});
  return answer(std::move(batch), questions, top);
}

std::vector<Answer> Answerer::answer(Batch batch, const std::vector<std::string>& questions, int64_t top) {
  const c10::InferenceMode inference;
  std::vector<std::vector<int64_t>> ids;
  for (const std::string& question : questions) ids.push_back(bundle_.tokenizer->encode(question));
  batch.image_index = torch::zeros({static_cast<int64_t>(questions.size())}, torch::kInt64);
  batch.set_tokens({ids.begin(), ids.end()});
  const ModelOutput output = run(batch.to(bundle_.model->device()));
  const auto count = std::min(top, bundle_.answers.size());
  const auto [probabilities, best] =
      torch::topk(find_loss(bundle_.config.model.loss).probabilities(output.logits), count);  // (Q, count) each
  const torch::Tensor on_cpu = probabilities.cpu(), best_on_cpu = best.cpu();
  torch::Tensor attention;  // (Q, n)
  if (output.image_attention.defined() && output.grid_height > 0)
    attention = output.image_attention.to(torch::kCPU, torch::kFloat32).contiguous();
  std::vector<Answer> answers;
  for (int64_t q = 0; q < static_cast<int64_t>(questions.size()); ++q) {
    Answer answer{questions[static_cast<size_t>(q)], {}, {}};
    for (int64_t i = 0; i < count; ++i) {
      answer.answers.push_back({bundle_.answers.text(best_on_cpu[q][i].item<int64_t>()), on_cpu[q][i].item<double>()});
    }
    if (attention.defined()) {
      answer.attention = cv::Mat(static_cast<int>(output.grid_height), static_cast<int>(output.grid_width), CV_32F,
                                 attention[q].data_ptr<float>())
                             .clone();
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

ModelOutput Answerer::run(const Batch& batch) {
  if (bundle_.model->blind()) return bundle_.model->forward(batch);
  const ModelImpl::Grid grid = bundle_.model->encode_image(batch);
  if (options_.one_picture) bundle_.model->see_by(nullptr);
  return bundle_.model->forward(batch, grid);
}

}  // namespace vqa
