// The arena: buffers that live at the same time never share memory, and no layout is larger than one without sharing.
#include "engine/arena.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <set>

namespace mho::engine {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) {
  return (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
}

std::vector<Lifetime> draw_lifetimes() {
  const auto draw = [](std::int64_t low, std::int64_t high) { return *rc::gen::inRange<std::int64_t>(low, high + 1); };
  std::vector<Lifetime> lifetimes;
  for (std::int64_t i = draw(0, 60); i > 0; --i) {
    const std::int64_t first = draw(-1, 40);
    const bool long_lived = draw(0, 5) == 0;
    lifetimes.push_back({static_cast<std::size_t>(draw(0, 1000)), first, first + (long_lived ? 1000 : draw(0, 8))});
  }
  return lifetimes;
}

RC_GTEST_PROP(Arena, LivingBuffersNeverOverlap, ()) {
  const std::vector<Lifetime> lifetimes = draw_lifetimes();
  const ArenaLayout layout = lay_out(lifetimes);
  RC_ASSERT(layout.offsets.size() == lifetimes.size());
  for (std::size_t i = 0; i < lifetimes.size(); ++i) {
    RC_ASSERT(layout.offsets[i] % kAlignment == 0U);
    RC_ASSERT(layout.offsets[i] + lifetimes[i].bytes <= layout.bytes);
    for (std::size_t j = 0; j < i; ++j) {
      if (lifetimes[i].first > lifetimes[j].last || lifetimes[j].first > lifetimes[i].last) continue;
      // Not even empty ones: they may not have the address of something else either.
      const bool apart = layout.offsets[i] + aligned(lifetimes[i].bytes) <= layout.offsets[j] ||
                         layout.offsets[j] + aligned(lifetimes[j].bytes) <= layout.offsets[i];
      RC_ASSERT(apart);
    }
  }
}

/// Sweeps over time, so that many thousands can be checked.
void expect_apart(const std::vector<Lifetime>& lifetimes, const ArenaLayout& layout) {
  std::vector<std::size_t> by_first(lifetimes.size());
  std::iota(by_first.begin(), by_first.end(), std::size_t{0});
  std::ranges::stable_sort(by_first, {}, [&](std::size_t i) { return lifetimes[i].first; });
  std::map<std::size_t, std::size_t> at;  // alive, by offset
  std::set<std::pair<std::int64_t, std::size_t>> ends;
  for (const std::size_t i : by_first) {
    for (; !ends.empty() && ends.begin()->first < lifetimes[i].first; ends.erase(ends.begin())) {
      at.erase(layout.offsets[ends.begin()->second]);
    }
    const std::size_t offset = layout.offsets[i];
    ASSERT_EQ(offset % kAlignment, 0U);
    const std::size_t end = offset + aligned(lifetimes[i].bytes);
    ASSERT_LE(end, layout.bytes);
    const auto next = at.lower_bound(offset);
    if (next != at.end()) {
      ASSERT_LE(end, next->first);
    }
    if (next != at.begin()) {
      const auto [before, other] = *std::prev(next);
      ASSERT_LE(before + aligned(lifetimes[other].bytes), offset);
    }
    at.emplace(offset, i);
    ends.emplace(lifetimes[i].last, i);
  }
}

TEST(Arena, ManyThousandBuffersAreLaidOutInMoments) {
  std::mt19937 random(7);
  std::vector<Lifetime> lifetimes;
  for (std::int64_t i = 0; i < 300'000; ++i) {
    const auto steps = static_cast<std::int64_t>(random() % 100 == 0 ? 5000 : random() % 8);
    lifetimes.push_back({random() % 4096, i, i + steps});
  }
  const ArenaLayout layout = lay_out(lifetimes);
  expect_apart(lifetimes, layout);
  std::size_t sum = 0;
  for (const Lifetime& one : lifetimes) sum += aligned(one.bytes);
  EXPECT_LT(layout.bytes, sum / 100);
}

RC_GTEST_PROP(Arena, BytesLieBetweenThePeakAndTheSum, ()) {
  const std::vector<Lifetime> lifetimes = draw_lifetimes();
  std::size_t sum = 0;
  std::size_t peak = 0;
  for (const Lifetime& a : lifetimes) {
    sum += aligned(a.bytes);
    std::size_t alive = 0;  // the peak is at the start of some buffer
    for (const Lifetime& b : lifetimes) {
      if (b.first <= a.first && a.first <= b.last) alive += aligned(b.bytes);
    }
    peak = std::max(peak, alive);
  }
  const std::size_t bytes = lay_out(lifetimes).bytes;
  RC_ASSERT(peak <= bytes);
  RC_ASSERT(bytes <= sum);
}

TEST(Arena, BuffersThatFollowEachOtherShareMemory) {
  const ArenaLayout layout = lay_out({{256, 0, 1}, {256, 2, 3}, {128, 4, 9}});
  EXPECT_EQ(layout.bytes, 256U);
  EXPECT_EQ(layout.offsets, (std::vector<std::size_t>{0, 0, 0}));
}

TEST(Arena, LifetimesAreClosedIntervals) { EXPECT_EQ(lay_out({{64, 0, 1}, {64, 1, 2}}).bytes, 128U); }

TEST(Arena, SmallBuffersFillGaps) {
  // The large ones lie at 0 and 640; the small one fits between while both live.
  const ArenaLayout layout = lay_out({{640, 0, 9}, {320, 0, 4}, {320, 3, 9}, {64, 5, 9}});
  EXPECT_EQ(layout.bytes, 1280U);
  EXPECT_EQ(layout.offsets[3], 640U);
}

TEST(Arena, NothingNeedsNothing) { EXPECT_EQ(lay_out({}).bytes, 0U); }

}  // namespace
}  // namespace mho::engine
