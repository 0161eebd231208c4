// Positions of the largest elements and of the last writes: stated results, ties, refusals.
#include <gtest/gtest.h>
#include <mho/error.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(TopK, FindsTheBestAndOfEqualOnesTheFirst) {
  const Input x = fixed(reals({2, 4}, {3, 1, 3, 2, -1, 5, 0, 5}));
  EXPECT_EQ(defects({make_top_k(1, 3, true), {x}, {0, 2, 3, 1, 3, 2}}), "");
  EXPECT_EQ(defects({make_top_k(1, 2, false), {x}, {1, 3, 0, 2}}), "");
  EXPECT_EQ(defects({make_top_k(0, 1, true), {x}, {0, 1, 0, 1}}), "");
  const Input integers{{3}, 0, 0, DType::i64, false, {7, 9, 8}};
  EXPECT_EQ(defects({make_top_k(0, 3, true), {integers}, {1, 2, 0}}), "");
}

TEST(TopK, RefusesMoreThanThereAre) {
  EXPECT_TRUE(refuses(make_top_k(0, 4, true), {{kReal, {3}}}));
  EXPECT_TRUE(refuses(make_top_k(1, 1, true), {{kReal, {3}}}));
  EXPECT_TRUE(refuses(make_top_k(0, -1, true), {{kReal, {3}}}));
  EXPECT_TRUE(refuses(make_top_k(0, 1, true), {{DType::b8, {3}}}));
}

TEST(LastWriter, IsTheLastOfAllWhoName) {
  const Input indices{{5}, 0, 0, DType::i64, false, {3, 0, 3, 1, 0}};
  EXPECT_EQ(defects({make_last_writer(4), {indices}, {4, 3, -1, 2}}), "");
  EXPECT_TRUE(refuses(make_last_writer(4), {{DType::i64, {2, 2}}}));
  EXPECT_TRUE(refuses(make_last_writer(4), {{kReal, {2}}}));
}

TEST(LastWriter, RefusesPositionsOutside) {
  const Input indices{{2}, 0, 0, DType::i64, false, {0, 4}};
  EXPECT_THROW(static_cast<void>(defects({make_last_writer(4), {indices}})), Error);
}

}  // namespace
}  // namespace mho::primitives::testing
