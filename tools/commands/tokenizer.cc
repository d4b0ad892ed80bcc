// vqa data tokenizer: a SentencePiece model of question files.
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "data/question.h"
#include "data/settings.h"
#include "text/sentencepiece_tokenizer.h"
#include "tools/commands/commands.h"
#include "tools/commands/usage.h"

namespace tools {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

po::typed_value<bool>* flag(bool& value) {
  return po::value(&value)->default_value(value, value ? "true" : "false")->implicit_value(true, "true");
}

std::vector<data::Question> read_all(const std::vector<std::string>& paths) {
  std::vector<data::Question> all;
  for (const std::string& path : paths) {
    std::vector<data::Question> questions = data::read_questions(path);
    if (questions.empty()) throw std::runtime_error(path + ": holds no questions to train on");
    all.insert(all.end(), std::make_move_iterator(questions.begin()), std::make_move_iterator(questions.end()));
  }
  return all;
}

/// Made when all else is done, refused before.
void require_folder(const fs::path& folder) {
  if (fs::exists(folder) && !fs::is_directory(folder))
    throw std::runtime_error(folder.string() + ": is no folder; name a new one or one to write into");
}

}  // namespace

int data_tokenizer(const std::vector<std::string>& arguments) {
  std::vector<std::string> paths;
  std::string out;
  text::TokenizerOptions tokenizer{.kind = text::SentencePieceTokenizer::kKind, .max_tokens = text::kMostTokens};
  po::options_description options("Options");
  options.add_options()("questions", po::value(&paths)->multitoken()->required(),
                        "VQA-v2 questions files, .json or .json.gz")(
      "out", po::value(&out)->required(), "folder for spiece.model, made where there is none")(
      "vocab-size", po::value(&tokenizer.vocabulary_size)->default_value(tokenizer.vocabulary_size),
      "pieces to aim at, fewer where the questions do not give so many")("lower-case", flag(tokenizer.lower_case),
                                                                         "read capitals as small letters")(
      "keep-accents", flag(tokenizer.keep_accents), "leave characters their accents");
  const Usage usage{"vqa data tokenizer --questions Q... --out DIR [OPTIONS]",
                    "Trains a SentencePiece model with ALBERT's special pieces on the questions of VQA-v2 files. Who\n"
                    "reads it must use the same --lower-case and --keep-accents."};
  if (!parse(usage, options, arguments)) return 0;
  data::check_range("vocab-size", tokenizer.vocabulary_size, text::kLeastVocabulary, text::kMostVocabulary);
  require_folder(out);
  const std::vector<data::Question> questions = read_all(paths);
  const auto trained = text::build_tokenizer(questions, tokenizer);
  int64_t tokens = 0;
  for (const data::Question& question : questions) tokens += static_cast<int64_t>(trained->encode(question).size());
  fs::create_directories(out);
  trained->save(out);
  std::cout << (fs::path(out) / text::SentencePieceTokenizer::kFile).string() << ": " << trained->vocabulary_size()
            << " pieces of " << questions.size() << " questions, " << std::fixed << std::setprecision(2)
            << static_cast<double>(tokens) / static_cast<double>(questions.size())
            << " tokens a question with [CLS] and [SEP]\n";
  return 0;
}

}  // namespace tools
