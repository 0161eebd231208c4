// Sums over many numbers, several at a time: one after the other, every addition waits for the one before.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>

namespace mho::attribution {

/// Sum of term(i) for i < count.
template <class Term>
[[nodiscard]] double sum_of(std::size_t count, const Term& term) {
  constexpr std::size_t kAtOnce = 8;
  std::array<double, kAtOnce> sums{};
  std::size_t i = 0;
  for (; i + kAtOnce <= count; i += kAtOnce) {
    for (std::size_t k = 0; k < kAtOnce; ++k) sums[k] += term(i + k);
  }
  for (; i < count; ++i) sums[i % kAtOnce] += term(i);
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

[[nodiscard]] inline double l1_norm(std::span<const double> values) {
  return sum_of(values.size(), [&](std::size_t i) { return std::abs(values[i]); });
}

[[nodiscard]] inline double l1_distance(std::span<const double> a, std::span<const double> b) {
  return sum_of(a.size(), [&](std::size_t i) { return std::abs(a[i] - b[i]); });
}

}  // namespace mho::attribution
