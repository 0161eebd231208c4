// Lays buffers with known lifetimes out in one block of memory.
#include "engine/arena.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace mho::engine {

namespace {

std::size_t size_of(const Lifetime& buffer) {
  constexpr std::size_t kAlignment = 64;
  return (std::max<std::size_t>(buffer.bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

/// What is free below the end of the arena.
class Gaps {
 public:
  explicit Gaps(std::size_t& end) : end_(end) {}

  std::size_t take(std::size_t size) {
    auto gap = by_size_.lower_bound({size, 0});
    if (gap == by_size_.end()) {
      const std::size_t offset = end_;
      end_ += size;
      return offset;
    }
    const auto [free, offset] = *gap;
    by_size_.erase(gap);
    by_offset_.erase(offset);
    if (free > size) add(offset + size, free - size);
    return offset;
  }
  void give(std::size_t offset, std::size_t size) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && next->first == offset + size) {
      size += next->second;
      next = drop(next);
    }
    if (next != by_offset_.begin()) {
      const auto before = std::prev(next);
      if (before->first + before->second == offset) {
        offset = before->first;
        size += before->second;
        drop(before);
      }
    }
    add(offset, size);
  }

 private:
  void add(std::size_t offset, std::size_t size) {
    by_offset_.emplace(offset, size);
    by_size_.emplace(size, offset);
  }
  std::map<std::size_t, std::size_t>::iterator drop(std::map<std::size_t, std::size_t>::iterator gap) {
    by_size_.erase({gap->second, gap->first});
    return by_offset_.erase(gap);
  }

  std::size_t& end_;
  std::map<std::size_t, std::size_t> by_offset_;
  std::set<std::pair<std::size_t, std::size_t>> by_size_;
};

ArenaLayout lay_out_in_time(const std::vector<Lifetime>& lifetimes) {
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return lifetimes[i].first; });
  ArenaLayout layout{std::vector<std::size_t>(lifetimes.size(), 0), 0};
  Gaps gaps(layout.bytes);
  std::set<std::pair<std::int64_t, std::size_t>> alive;  // by their last step
  for (const std::size_t i : order) {
    while (!alive.empty() && alive.begin()->first < lifetimes[i].first) {
      const std::size_t done = alive.begin()->second;
      gaps.give(layout.offsets[done], size_of(lifetimes[done]));
      alive.erase(alive.begin());
    }
    layout.offsets[i] = gaps.take(size_of(lifetimes[i]));
    alive.emplace(lifetimes[i].last, i);
  }
  return layout;
}

}  // namespace

ArenaLayout lay_out(const std::vector<Lifetime>& lifetimes) {
  constexpr std::size_t kMostSquared = 20'000;
  if (lifetimes.size() > kMostSquared) return lay_out_in_time(lifetimes);
  const auto size = [&](std::size_t i) { return size_of(lifetimes[i]); };
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
