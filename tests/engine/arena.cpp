// The arena: buffers that live at the same time never share memory, and no layout is larger than one without sharing.
#include "engine/arena.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

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
