// Gather: elements at integer positions, and gradients summed back to them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(Gather, KeepsTheContract) {
  const Input positions{{2}, 0, 0, DType::i64, false, {2, -3}};
  EXPECT_EQ(defects({make_gather(0), {reals({3}, {5, 6, 7}), positions}, {7, 5}}), "");
  EXPECT_EQ(defects({make_gather(1), {reals({2, 3}, {0, 1, 2, 3, 4, 5}), positions}, {2, 0, 5, 3}}), "");
  EXPECT_EQ(defects({make_gather(1), {{{2, 4, 3}}, integers({3, 2}, -4, 3)}}), "");
  EXPECT_EQ(defects({make_gather(2), {{{2, 4, 3}}, integers({}, 1, 2)}}), "");
  EXPECT_EQ(defects({make_gather(0), {integers({6}, -9, 9), integers({4}, 0, 5)}}), "");
}

TEST(Gather, RepeatedPositionsAddUp) {
  const Input twice{{3}, 0, 0, DType::i64, false, {1, 1, 1}};
  EXPECT_EQ(defects({make_gather(0), {{{2, 3}}, twice}}), "");
}

TEST(ScatterAdd, KeepsTheContract) {
  const Input rows{{4}, 0, 0, DType::i64, false, {2, 0, 2, -1}};
  EXPECT_EQ(defects({make_scatter_add(3), {reals({4}, {1, 2, 3, 4}), rows}, {2, 0, 8}}), "");
  EXPECT_EQ(defects({make_scatter_add(5), {{{3, 2, 2}}, integers({3, 2}, 0, 4)}}), "");
  EXPECT_EQ(defects({make_scatter_add(3), {{{2}}, integers({}, 1, 2)}}), "");
  EXPECT_TRUE(refuses(make_scatter_add(3), {{kReal, {3}}, {DType::i64, {4}}}));
  EXPECT_TRUE(refuses(make_scatter_add(3), {{kReal, {4}}, {kReal, {4}}}));
  EXPECT_TRUE(refuses(make_scatter_add(-1), {{kReal, {4}}, {DType::i64, {4}}}));
}

TEST(Gather, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_gather(2), {{kReal, {2, 3}}, {DType::i64, {1}}}));
  EXPECT_TRUE(refuses(make_gather(-1), {{kReal, {2, 3}}, {DType::i64, {1}}}));
  EXPECT_TRUE(refuses(make_gather(0), {{kReal, {}}, {DType::i64, {1}}}));
  EXPECT_TRUE(refuses(make_gather(0), {{kReal, {2, 3}}, {kReal, {1}}}));
  EXPECT_TRUE(refuses(make_gather(0), {{kReal, {2, 1LL << 40}}, {DType::i64, {1LL << 40}}}));
}

RC_GTEST_PROP(Gather, RandomCasesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 5);
  const std::int64_t axis = draw(0, static_cast<std::int64_t>(shape.size()) - 1);
  const auto extent = static_cast<double>(shape[static_cast<std::size_t>(axis)]);
  const Shape positions = draw_shape(static_cast<std::size_t>(draw(0, 2)), 1, 4);
  RC_ASSERT(defects({make_gather(axis), {{shape}, integers(positions, -extent, extent - 1)}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
