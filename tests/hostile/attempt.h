// What is done with a damaged model: everything that a user would, and a second opinion on the numbers.
#pragma once

#include <mho/model.h>

#include <cstdint>
#include <map>
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

using Outputs = std::map<std::string, Array, std::less<>>;

/// kCompared, kRounding or kWrong where `outputs` are or are not those of plain loops; kRan where these would take more
/// than `most_flops`, or values leave what float32 can hold.
[[nodiscard]] Attempt compare(const Model& model, const Inputs& inputs, const Outputs& outputs, double most_flops);

/// Loads, inspects, runs and attributes the model on inputs that the seed draws, within `memory` bytes. Outputs are
/// compared where plain loops take fewer than `most_flops`. Never throws mho::Error.
[[nodiscard]] Attempt attempt(const std::string& bytes, std::uint64_t seed, std::int64_t memory, double most_flops);

}  // namespace mho::testing
