// What a call throws, as text.
#pragma once

#include <gtest/gtest.h>

#include <string>

/// The message of the `Error` that `call` throws: one line, or the test fails.
template <class Error, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}
