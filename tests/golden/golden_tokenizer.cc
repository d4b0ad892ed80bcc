#include "tests/golden/golden_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/atomic_file.h"
#include "data/json_file.h"
#include "text/sentencepiece_tokenizer.h"

namespace golden {

std::vector<Comparison> tokenizer(const std::filesystem::path& folder, uint32_t) {
  const std::filesystem::path files = folder / "tokenizer";
  text::TokenizerOptions options;
  options.max_tokens = text::kMostTokens;
  // Not by Tokenizer::encode, which refuses the two texts without a word.
  const text::SentencePieceTokenizer ours(data::read_file(files / text::SentencePieceTokenizer::kFile), options);
  const nlohmann::json texts = data::read_json(files / "ids.json");
  const auto differs = [&](const nlohmann::json& row) {
    return ours.ids(row.at("text").get<std::string>()) != row.at("ids").get<std::vector<int64_t>>();
  };
  const auto wrong = static_cast<double>(std::count_if(texts.begin(), texts.end(), differs));
  return {{"ids", texts.empty() ? 1 : wrong / static_cast<double>(texts.size()), 0}};
}

}  // namespace golden
