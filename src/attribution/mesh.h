// Points of one path, and how they move to where they are needed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "attribution/example_path.h"

namespace mho::attribution {

/// `count` + 1 points from 0 to 1, where the path's grading puts them.
[[nodiscard]] std::vector<double> graded_mesh(const ExamplePath& path, std::int64_t count);

/// `count` + 1 points from 0 to 1 such that every segment of `alphas`, of which there are as many as `weights`, gets a
/// share of them that is proportional to its weight. Weights are positive.
[[nodiscard]] std::vector<double> redistributed(std::span<const double> alphas, std::span<const double> weights,
                                                std::int64_t count);

}  // namespace mho::attribution
