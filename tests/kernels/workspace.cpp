// Invariant: temporaries of one run never overlap, are aligned, and later runs of the same node need no new memory.
#include "kernels/workspace.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace mho::kernels {
namespace {

using Pieces = std::vector<std::pair<std::uintptr_t, std::size_t>>;

Pieces take_all(Scratch& scratch, const std::vector<std::size_t>& sizes) {
  Pieces pieces;
  for (const std::size_t size : sizes) {
    std::byte* memory = scratch.take(size);
    std::memset(memory, 1, size);  // address checkers see a piece that is too small
    pieces.emplace_back(reinterpret_cast<std::uintptr_t>(memory), size);
  }
  return pieces;
}

TEST(Scratch, PiecesAreAlignedAndDisjoint) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint16_t>& small, std::uint32_t large) {
    std::vector<std::size_t> sizes(small.begin(), small.end());
    sizes.push_back(large % (1U << 22));
    Scratch scratch;
    Pieces pieces = take_all(scratch, sizes);
    std::sort(pieces.begin(), pieces.end());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      RC_ASSERT(pieces[i].first % 64 == 0U);
      // Pieces of no bytes are distinct too.
      if (i > 0) RC_ASSERT(pieces[i - 1].first + std::max<std::size_t>(pieces[i - 1].second, 1) <= pieces[i].first);
    }
  }));
}

TEST(Scratch, TheSameRunAgainTakesTheSameMemory) {
  EXPECT_TRUE(rc::check([](const std::vector<std::uint32_t>& raw) {
    std::vector<std::size_t> sizes;
    for (const std::uint32_t size : raw) sizes.push_back(size % (1U << 18));
    Scratch scratch;
    const Pieces first = take_all(scratch, sizes);
    const std::size_t capacity = scratch.capacity();
    scratch.reset();
    RC_ASSERT(take_all(scratch, sizes) == first);
    RC_ASSERT(scratch.capacity() == capacity);
  }));
}

TEST(Workspace, SlotsAreMadeOnceAndFoundAgainInOrder) {
  Scratch scratch;
  Workspace workspace(scratch);
  int made = 0;
  const auto run = [&] {
    workspace.begin();
    int& first = workspace.slot<int>([&] { return ++made; });
    std::vector<int>& second = workspace.slot<std::vector<int>>([&] { return std::vector<int>{++made}; });
    return std::pair(&first, &second);
  };
  const auto once = run();
  EXPECT_EQ(*once.first, 1);
  EXPECT_EQ(once.second->front(), 2);
  EXPECT_EQ(run(), once);
  EXPECT_EQ(made, 2);
}

TEST(Workspace, TemporariesHoldTheChannelPadding) {
  Scratch scratch;
  Workspace workspace(scratch);
  const Tensor blocked = workspace.temporary({DType::f64, {2, 17, 3}, Layout::blocked});
  EXPECT_EQ(blocked.as<double>().size(), 2U * 32U * 3U);
  const Tensor next = workspace.temporary({DType::f64, {1}});
  EXPECT_GE(std::abs(next.data - blocked.data), static_cast<std::ptrdiff_t>(blocked.type.bytes()));
}

}  // namespace
}  // namespace mho::kernels
