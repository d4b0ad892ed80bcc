#include "text/words_tokenizer.h"

#include <algorithm>
#include <stdexcept>

#include "data/atomic_file.h"
#include "text/clean.h"

namespace text {
namespace {

constexpr size_t kShownBytes = 40;  // of a bad line, in a message

[[noreturn]] void fail(const std::filesystem::path& path, size_t line, const std::string& what) {
  throw std::runtime_error(path.string() + ": line " + std::to_string(line) + ": " + what +
                           "; restore the file or train the model again");
}

/// The one word of a line as build would have made it, or an error.
std::string check_word(const std::filesystem::path& path, size_t line, std::string_view text) {
  const std::vector<std::string> words = clean_words(text);
  if (words.size() != 1 || words[0] != text)
    fail(path, line, std::string(text.substr(0, kShownBytes)) + " is not one cleaned-up word");
  return words[0];
}

}  // namespace

WordsTokenizer::WordsTokenizer(std::vector<std::string> words, int64_t max_tokens)
    : Tokenizer(max_tokens), words_(std::move(words)) {
  ids_.reserve(words_.size());
  for (const std::string& word : words_) ids_.emplace(word, kFirstWordId + static_cast<int64_t>(ids_.size()));
}

std::unique_ptr<Tokenizer> WordsTokenizer::build(const std::vector<data::Question>& questions,
                                                 const TokenizerOptions& options) {
  std::vector<std::string> words;
  std::unordered_map<std::string, bool> seen;
  for (const data::Question& question : questions) {
    for (const std::string& word : clean_words(question.text)) {
      if (seen.emplace(word, true).second) words.push_back(word);
    }
  }
  if (words.empty()) throw std::runtime_error("the training questions hold no words to build a tokenizer from");
  return std::make_unique<WordsTokenizer>(std::move(words), options.max_tokens);
}

std::unique_ptr<Tokenizer> WordsTokenizer::load(const std::filesystem::path& folder, const TokenizerOptions& options) {
  const std::filesystem::path path = folder / kFile;
  const std::string content = data::read_file(path);
  std::vector<std::string> words;
  std::unordered_map<std::string, size_t> line_of;
  for (size_t at = 0; at < content.size();) {
    const size_t line = words.size() + 1;
    const size_t end = content.find('\n', at);
    if (end == std::string::npos) fail(path, line, "does not end; the file is truncated");
    words.push_back(check_word(path, line, std::string_view(content).substr(at, end - at)));
    const auto [first, is_new] = line_of.emplace(words.back(), line);
    if (!is_new) fail(path, line, words.back() + " stands in line " + std::to_string(first->second) + " already");
    at = end + 1;
  }
  if (words.empty()) fail(path, 1, "the file is empty");
  return std::make_unique<WordsTokenizer>(std::move(words), options.max_tokens);
}

int64_t WordsTokenizer::vocabulary_size() const { return kFirstWordId + static_cast<int64_t>(words_.size()); }

void WordsTokenizer::save(const std::filesystem::path& folder) const {
  std::string content;
  for (const std::string& word : words_) content += word + "\n";
  data::write_file(folder / kFile, content);
}

std::vector<int64_t> WordsTokenizer::encode_checked(std::string_view question) const {
  std::vector<int64_t> ids;
  for (const std::string& word : clean_words(question)) {
    const auto found = ids_.find(word);
    ids.push_back(found == ids_.end() ? kUnknownId : found->second);
  }
  if (ids.empty()) ids.push_back(kUnknownId);
  ids.resize(std::min(ids.size(), static_cast<size_t>(max_tokens())));
  return ids;
}

}  // namespace text
