// The question encoders there are, by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/albert_options.h"
#include "text/lstm_encoder.h"
#include "text/question_encoder.h"

namespace text {

inline constexpr const char* kLstm = "lstm";
inline constexpr const char* kAlbert = "albert";

struct QuestionEncoderOptions {
  std::string question_encoder = kLstm;  // one of question_encoder_names()
  LstmEncoderOptions lstm;               // read by kLstm
  AlbertOptions albert;                  // read by kAlbert
};

/// The encoders that can be asked for.
std::vector<std::string> question_encoder_names();

/// Throws std::invalid_argument for an unknown encoder or an option out of range.
std::shared_ptr<QuestionEncoderImpl> make_question_encoder(const QuestionEncoderOptions& options);

}  // namespace text
