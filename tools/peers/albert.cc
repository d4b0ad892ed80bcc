// albert_ours: our side of tools/peers/albert. Reads a folder as Hugging Face writes it and questions, and stays for
// rounds: for each line on stdin it runs all batches, prints the seconds on one line, and writes the outputs of the
// last time at the end.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include "data/safetensors.h"
#include "text/albert_folder.h"
#include "text/frozen_albert.h"

namespace {

struct Arguments {
  std::string precision, folder, questions, outputs;
  int64_t batch = 64;
};

/// Questions in a row, `batch` at a time, each batch as wide as its longest.
std::vector<torch::Tensor> run(const text::FrozenAlbert& albert, const torch::Tensor& ids, const torch::Tensor& lengths,
                               int64_t batch) {
  std::vector<torch::Tensor> outputs;
  for (int64_t begin = 0; begin < ids.size(0); begin += batch) {
    const int64_t end = std::min(begin + batch, ids.size(0));
    const torch::Tensor some = lengths.slice(0, begin, end);
    outputs.push_back(albert.forward(ids.slice(0, begin, end).slice(1, 0, some.max().item<int64_t>()), some));
  }
  return outputs;
}

void serve(const Arguments& arguments) {
  const data::TensorFile questions = data::read_safetensors(arguments.questions);
  const torch::Tensor &ids = questions.at("ids"), &lengths = questions.at("lengths");
  const text::AlbertFolder folder = text::read_albert_folder(arguments.folder);
  const text::FrozenAlbert albert(folder.options, folder.tensors, {.precision = arguments.precision});
  std::vector<torch::Tensor> outputs = run(albert, ids, lengths, arguments.batch);
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    outputs = run(albert, ids, lengths, arguments.batch);
    std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << std::endl;
  }
  std::vector<torch::Tensor> rows;
  for (torch::Tensor& each : outputs)
    rows.push_back(torch::constant_pad_nd(each, {0, 0, 0, ids.size(1) - each.size(1)}));
  data::write_safetensors(arguments.outputs, {.tensors = {{"outputs", torch::cat(rows)}}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::cerr << "usage: albert_ours PRECISION FOLDER QUESTIONS OUTPUTS BATCH\n";
    return 2;
  }
  try {
    serve({argv[1], argv[2], argv[3], argv[4], std::stoll(argv[5])});
  } catch (const std::exception& error) {
    const std::string message = error.what();
    std::cerr << "albert_ours: " << message.substr(0, message.find('\n')) << "\n";
    return 1;
  }
  return 0;
}
