// What is done with a damaged model: everything that a user would, and a second opinion on the numbers.
#pragma once

#include <cstdint>
#include <string>

namespace mho::testing {

enum class Outcome : std::uint8_t {
  kRefused,   ///< an Error when loaded, inspected or run
  kRan,       ///< outputs and attributions came; not compared, since that takes long or float32 cannot hold the values
  kCompared,  ///< outputs are those of plain loops in float64
  kRounding,  ///< they differ, and so do those of float32 without any optimisation
  kWrong,     ///< they differ, or an Error was none that a user should see: a failure
};

struct Attempt {
  Outcome outcome = Outcome::kRefused;
  std::string message;  ///< of the error, or what is wrong
};

/// Loads, inspects, runs and attributes the model on inputs that the seed draws, within `memory` bytes. Outputs are
/// compared where plain loops take fewer than `most_flops`. Never throws mho::Error.
[[nodiscard]] Attempt attempt(const std::string& bytes, std::uint64_t seed, std::int64_t memory, double most_flops);

}  // namespace mho::testing
