// The SHA-256 of a model file, so that results can say which model they belong to.
#include "onnx/sha256.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

namespace mho::onnx {

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  std::string text;
  for (const unsigned char byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace mho::onnx
