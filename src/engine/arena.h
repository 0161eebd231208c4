// Lays buffers with known lifetimes out in one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mho::engine {

/// A buffer that is alive in the closed interval [first, last] of step numbers.
struct Lifetime {
  std::size_t bytes = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  ///< one per buffer, aligned to 64 bytes
  std::size_t bytes = 0;
};

/// Greedy by size: the largest buffer first, each at the lowest offset where it overlaps no buffer that is alive at the
/// same time (Pisarchyk and Lee 2020, arXiv 2001.03288, section 5.2). That takes the square of their number, so many
/// thousands are laid out in the order of time instead, each in the smallest gap that holds it: n log n.
[[nodiscard]] ArenaLayout lay_out(const std::vector<Lifetime>& lifetimes);

}  // namespace mho::engine
