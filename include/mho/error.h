// The one exception type of mho, with a code that tells callers what kind of failure it is.
#pragma once

#include <stdexcept>
#include <string>

namespace mho {

/// What went wrong, for callers who act on it. The message is for people.
enum class Code {
  kInvalidArgument,  ///< the caller asked for something that makes no sense (bad option, bad shape)
  kInvalidModel,     ///< the model file is damaged or breaks the ONNX specification
  kUnsupported,      ///< the model is valid but needs something mho does not have
  kNotFound,         ///< no layer, tensor, input or file of that name
  kIo,               ///< reading or writing a file failed
  kNumeric,          ///< NaN or infinity where a number was needed
  kLimit,            ///< a size limit was exceeded
  kCancelled,        ///< the caller's progress function said that it is enough
  kInternal,         ///< a bug in mho
};

/// Thrown by every mho function that fails. `what()` reads "what, which, why, what to do".
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace mho
