#include "text/make_question_encoder.h"

#include "data/settings.h"
#include "text/albert_encoder.h"

namespace text {
namespace {

struct Encoder {
  const char* name;
  std::shared_ptr<QuestionEncoderImpl> (*make)(const QuestionEncoderOptions& options);
};

/// A new encoder is one file and one line here.
constexpr Encoder kEncoders[] = {
    {kLstm,
     [](const QuestionEncoderOptions& options) -> std::shared_ptr<QuestionEncoderImpl> {
       return std::make_shared<LstmEncoderImpl>(options.lstm);
     }},
    {kAlbert,
     [](const QuestionEncoderOptions& options) -> std::shared_ptr<QuestionEncoderImpl> {
       return std::make_shared<AlbertEncoderImpl>(options.albert);
     }},
};

}  // namespace

std::vector<std::string> question_encoder_names() { return data::names_of(kEncoders); }

std::shared_ptr<QuestionEncoderImpl> make_question_encoder(const QuestionEncoderOptions& options) {
  return data::find_named("question-encoder", options.question_encoder, kEncoders).make(options);
}

}  // namespace text
