// mcan_ours: our side of tools/peers/mcan. Reads a batch and weights and does what each line on stdin says: `train`,
// one step as vqa::Trainer takes it, or `infer`, printing seconds and the loss; `parts`, where the time goes, by parts
// and by operators.
#include <torch/torch.h>

#include <iostream>
#include <string>

#include "data/safetensors.h"
#include "data/weights.h"
#include "tools/bench/stopwatch.h"
#include "tools/peers/mcan_parts.h"
#include "tools/peers/op_times.h"
#include "vqa/adam.h"
#include "vqa/loss.h"
#include "vqa/memory.h"

namespace {

constexpr double kLearningRate = 2.5e-5;  // openvqa's in the first quarter of its warm-up

struct Arguments {
  std::string kind;
  double dropout = 0;
  std::string batch, weights;
};

/// A dense target (B, A) as the sparse one that our batches have.
vqa::SparseTargets sparse(const torch::Tensor& target) {
  const torch::Tensor at = target.nonzero();
  const torch::Tensor rows = at.select(1, 0).contiguous(), answers = at.select(1, 1).contiguous();
  return {rows, answers, target.index({rows, answers})};
}

/// As our loader makes it: padded to the longest question.
vqa::Batch make_batch(const data::TensorFile& file) {
  vqa::Batch batch;
  batch.grid = file.at("grid");
  batch.token_lengths = (file.at("tokens") != 0).sum(1);
  batch.tokens = file.at("tokens").slice(1, 0, batch.token_lengths.max().item<int64_t>()).contiguous();
  batch.targets = sparse(file.at("target"));
  return batch;
}

/// MCAN-small. A kind other than openvqa's keeps the weights it begins with where the file has none for it.
vqa::Model make_model(const Arguments& arguments, const vqa::Batch& batch) {
  const data::TensorFile file = data::read_safetensors(arguments.weights);
  vqa::ModelConfig config = vqa::preset("mcan-small").model;
  config.attention = arguments.kind;
  config.d_p = 16;
  config.max_cells = batch.grid.size(1);
  config.dropout = arguments.dropout;
  vqa::Model model(vqa::ModelOptions{.config = config,
                                     .words = file.at("question_encoder.embedding.weight").size(0),
                                     .answers = file.at("classifier.bias").size(0),
                                     .grid_channels = batch.grid.size(2)});
  const data::LoadReport report = data::load_weights(*model, file, {.file = arguments.weights});
  if (arguments.kind == "vanilla" && !report.missing.empty())
    throw std::runtime_error(arguments.weights + ": lacks " + report.missing.front());
  return model;
}

class Runner {
 public:
  Runner(vqa::Model model, vqa::Batch batch)
      : model_(std::move(model)), batch_(std::move(batch)), adam_(*model_, vqa::preset("mcan-small").training.adam) {}

  double train() {
    model_->train();
    adam_.zero_grad();
    const torch::Tensor loss = vqa::find_loss("binary").of(model_->forward(batch_).logits, batch_.targets);
    loss.backward();
    adam_.clip_gradients(0).item<double>();
    const double value = loss.item<double>();
    adam_.step(kLearningRate);
    return value;
  }

  double infer() {
    const torch::NoGradGuard no_grad;
    model_->eval();
    model_->forward(batch_);
    return 0;
  }

 private:
  vqa::Model model_;
  vqa::Batch batch_;
  vqa::Adam adam_;
};

void serve(const Arguments& arguments) {
  vqa::keep_freed_memory();  // as vqa train does
  torch::manual_seed(1);
  const vqa::Batch batch = make_batch(data::read_safetensors(arguments.batch));
  const vqa::Model model = make_model(arguments, batch);
  Runner runner(model, batch);
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "parts") {
      runner.train();  // so that there are gradients
      std::cout << peers::parts_table(model, batch) << "  a step by operators: calls, milliseconds, share\n"
                << peers::op_times([&] { runner.train(); }) << std::flush;
      continue;
    }
    double value = 0;
    const double seconds = bench::seconds_taken([&] { value = line == "train" ? runner.train() : runner.infer(); });
    std::cout << seconds << " " << std::to_string(value) << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: mcan_ours KIND DROPOUT BATCH WEIGHTS\n";
    return 2;
  }
  try {
    serve({argv[1], std::stod(argv[2]), argv[3], argv[4]});
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cerr << "mcan_ours: " << message.substr(0, message.find('\n')) << "\n";
    return 1;
  }
  return 0;
}
