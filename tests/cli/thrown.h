// The code and message of the Error that a call throws.
#pragma once

#include <gtest/gtest.h>
#include <mho/error.h>

#include <concepts>
#include <optional>
#include <string>

namespace mho::cli {

struct Thrown {
  std::optional<Code> code;  ///< none: nothing was thrown
  std::string message;

  [[nodiscard]] bool says(const std::string& part) const { return message.find(part) != std::string::npos; }
};

template <std::invocable Call>
Thrown thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

}  // namespace mho::cli
