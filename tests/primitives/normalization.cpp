// Layer and RMS normalization: the contract, stated values, and equality with what they are composed of.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(Normalization, EveryAxisKeepsTheContract) {
  for (const std::int64_t axis : {0, 1, 2}) {
    for (const bool centred : {true, false}) {
      EXPECT_EQ(defects({make_normalization({axis, 1e-5, centred}), {{{3, 4, 5}}}}), "") << axis << centred;
    }
  }
  EXPECT_EQ(defects({make_normalization({1, 1e-12, true}), {{{2, 33}}}}), "");
}

TEST(Normalization, StatedValues) {
  // Mean 3, variance 4; without mean: mean square 13.
  EXPECT_EQ(defects({make_normalization({0, 0, true}), {reals({2}, {1, 5})}, {-1, 1}}), "");
  const double d = 1 / std::sqrt(13.0);
  EXPECT_EQ(defects({make_normalization({0, 0, false}), {reals({2}, {1, 5})}, {d, 5 * d}}), "");
  EXPECT_EQ(defects({make_normalization({0, 1, true}), {reals({2}, {7, 7})}, {0, 0}}), "");
}

TEST(Normalization, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_normalization({2, 0, true}), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_normalization({-1, 0, true}), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_normalization({0, 0, true}), {{DType::i64, {2, 3}}}));
  EXPECT_TRUE(refuses(make_normalization({0, 0, true}), {{kReal, {}}}));
}

RC_GTEST_PROP(Normalization, RandomCasesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 5);
  const std::int64_t axis = draw(0, static_cast<std::int64_t>(shape.size()) - 1);
  RC_ASSERT(defects({make_normalization({axis, 0.1, draw_bool()}), {{shape}}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
