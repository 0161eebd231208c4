// Inputs with noise, for the max-sensitivity of a measure (Yeh et al. 2019, arXiv 1901.09392).
#pragma once

#include <mho/evaluation.h>

#include <optional>
#include <span>
#include <vector>

#include "attribution/setup.h"

namespace mho::attribution {

/// The inputs with uniform noise in [-r, r] on every element of every real input that has an example axis, r being
/// `radius` times the range of that input over all examples: the ball of the maximum norm, sampled. Noise depends on
/// seed, `number`, input and example alone. None where there is nothing to be moved.
[[nodiscard]] std::optional<Inputs> with_noise(const Setup& setup, const Inputs& inputs, double radius,
                                               std::uint64_t seed, std::int64_t number);

/// Per example |noisy - values|_2 / |values|_2; NaN where values are 0. `count` examples of as many values each.
[[nodiscard]] std::vector<double> relative_changes(std::span<const double> values, std::span<const double> noisy,
                                                   std::int64_t count);

}  // namespace mho::attribution
