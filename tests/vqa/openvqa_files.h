// What openvqa leaves after a training: checkpoints, as torch.save writes them, and the files beside them.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/tensor_file.h"
#include "tests/data/pickles.h"
#include "tests/data/write.h"

namespace openvqa_files {

enum class Format { kZip, kOld };  // of torch.save: since 1.6, before

inline std::string bytes_of(const torch::Tensor& tensor) {
  const torch::Tensor plain = tensor.contiguous();
  return {static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()};
}

/// A checkpoint with these tensors as its state_dict.
inline void write_checkpoint(const std::filesystem::path& path, const data::TensorFile& file, Format format,
                             const std::string& prefix = "") {
  std::vector<std::pair<std::string, std::string>> state;
  std::map<std::string, std::string> storages;
  std::vector<std::pair<std::string, std::string>> old_storages;
  for (const auto& [name, tensor] : file.tensors) {
    std::string key = std::to_string(state.size());
    const std::string storage = pickles::storage(key, tensor.numel());
    state.emplace_back(prefix + name, pickles::tensor(storage, {0, tensor.sizes().vec(), tensor.strides().vec()}));
    if (format == Format::kZip) {
      storages.emplace(std::move(key), bytes_of(tensor));
    } else {
      old_storages.emplace_back(std::move(key),
                                pickles::bytes_of(static_cast<uint64_t>(tensor.numel()), 8) + bytes_of(tensor));
    }
  }
  const std::string value = pickles::dict({{"state_dict", pickles::dict(state)},
                                           {"optimizer", pickles::dict({{"state", pickles::dict({})}})},
                                           {"epoch", pickles::number(13)}});
  write_text(path,
             format == Format::kZip ? pickles::torch_file(value, storages) : pickles::old_file(value, old_storages));
}

/// The word that comes as the `index`th in the questions below.
inline std::string word(int64_t index) { return std::string("w").append(std::to_string(index)); }

/// Questions in which the words of [first, last) come one after another, several a question, written as people do.
inline void write_words(const std::filesystem::path& path, int64_t first, int64_t last) {
  constexpr int64_t kWords = 4;  // a question
  nlohmann::json questions = nlohmann::json::array();
  for (int64_t at = first; at < last; at += kWords) {
    std::string text =
        std::string("\"W").append(std::to_string(at)).append("\"");  // capitals and punctuation are not of the word
    const char* const gaps[] = {", ", "-", "/"};
    for (int64_t i = at + 1; i < std::min(at + kWords, last); ++i) text += gaps[i - at - 1] + word(i);
    questions.push_back({{"question_id", at}, {"image_id", 1}, {"question", text + "?"}});
  }
  write_text(path, nlohmann::json{{"questions", questions}}.dump());
}

/// The text of an answer.
inline std::string answer(int64_t id) {
  return std::string("answer ").append(std::to_string(id * 7 % 10007));
}  // not by the alphabet

inline void write_answers(const std::filesystem::path& path, int64_t count) {
  nlohmann::json ids = nlohmann::json::object(), texts = nlohmann::json::object();
  for (int64_t id = 0; id < count; ++id) {
    ids[answer(id)] = id;
    texts[std::to_string(id)] = answer(id);
  }
  write_text(path, nlohmann::json{ids, texts}.dump());
}

}  // namespace openvqa_files
