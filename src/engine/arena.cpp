// Lays buffers with known lifetimes out in one block of memory.
#include "engine/arena.h"

#include <algorithm>
#include <numeric>

namespace mho::engine {

ArenaLayout lay_out(const std::vector<Lifetime>& lifetimes) {
  constexpr std::size_t kAlignment = 64;
  const auto size = [&](std::size_t i) {
    return (std::max<std::size_t>(lifetimes[i].bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
  };
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return size(a) > size(b); });

  ArenaLayout layout{std::vector<std::size_t>(lifetimes.size(), 0), 0};
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    std::size_t offset = 0;
    for (const std::size_t other : placed) {
      const bool together = lifetimes[other].first <= lifetimes[i].last && lifetimes[i].first <= lifetimes[other].last;
      if (!together) continue;
      if (offset + size(i) <= layout.offsets[other]) break;
      offset = std::max(offset, layout.offsets[other] + size(other));
    }
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + size(i));
    const auto at = std::ranges::upper_bound(placed, offset, {}, [&](std::size_t p) { return layout.offsets[p]; });
    placed.insert(at, i);
  }
  return layout;
}

}  // namespace mho::engine
