// Exit statuses of the program.
#pragma once

#include <mho/error.h>

namespace mho::cli {

constexpr int kSuccess = 0;
constexpr int kFailure = 1;
constexpr int kUsage = 2;          ///< the command line asks for something that is not there or makes no sense
constexpr int kInterrupted = 130;  ///< 128 + SIGINT, as shells have it

[[nodiscard]] constexpr int exit_status(Code code) noexcept {
  return code == Code::kInvalidArgument || code == Code::kNotFound ? kUsage : kFailure;
}

}  // namespace mho::cli
