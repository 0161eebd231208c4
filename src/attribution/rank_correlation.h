// How alike two rankings are: Spearman's and Kendall's correlation, overlap of the first k.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mho::attribution {

/// 1 for the smallest; equal values share the mean of their ranks.
[[nodiscard]] std::vector<double> average_ranks(std::span<const double> values);

/// Pearson's correlation of the average ranks. NaN where one side has fewer than two different values.
[[nodiscard]] double spearman(std::span<const double> a, std::span<const double> b);

/// tau-b = (concordant - discordant) / sqrt((pairs - ties in a) (pairs - ties in b)), in n log n steps (Knight 1966).
/// NaN as above.
[[nodiscard]] double kendall(std::span<const double> a, std::span<const double> b);

/// Indices, largest value first; of equal ones the first.
[[nodiscard]] std::vector<std::int64_t> descending(std::span<const double> values);

/// Which part of the first k two orders share; k is cut at their length.
[[nodiscard]] double overlap(std::span<const std::int64_t> a, std::span<const std::int64_t> b, std::int64_t k);

}  // namespace mho::attribution
