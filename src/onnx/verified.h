// How each operator was verified: what the tests found out, as a table of the library.
#pragma once

#include <span>
#include <string_view>

namespace mho::onnx {

struct Verified {
  std::string_view name;      ///< "Conv", "com.microsoft:Gelu"
  int conformance;            ///< cases of the ONNX backend test-suite with this operator that pass
  std::string_view gradient;  ///< "yes", "none", "straight through": of reals that move
  std::string_view rule;      ///< how DeepLIFT multipliers pass its primitives
};

/// Sorted by name. tests/engine/verified.cpp makes the table and checks it.
[[nodiscard]] std::span<const Verified> verified_operators();

}  // namespace mho::onnx
