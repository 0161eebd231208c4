// The SHA-256 of a model file, so that results can say which model they belong to.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace mho::onnx {

/// FIPS 180-4, as 64 hexadecimal digits.
[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);

}  // namespace mho::onnx
