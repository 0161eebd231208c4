// Softmax and its logarithm along any axis, also where exponentials would overflow.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(Softmax, EveryAxisKeepsTheContract) {
  for (const std::int64_t axis : {0, 1, 2}) {
    EXPECT_EQ(defects({make_softmax(axis), {{{3, 4, 5}}}}), "");
    EXPECT_EQ(defects({make_log_softmax(axis), {{{3, 4, 5}}}}), "");
  }
  EXPECT_EQ(defects({make_softmax(1), {{{2, 33}}}}), "");
}

TEST(Softmax, LargeInputsDoNotOverflow) {
  const double e = std::exp(-1.0);
  EXPECT_EQ(defects({make_softmax(0), {reals({2}, {1000, 999})}, {1 / (1 + e), e / (1 + e)}}), "");
  EXPECT_EQ(defects({make_log_softmax(0), {reals({2}, {1000, 999})}, {-std::log1p(e), -1 - std::log1p(e)}}), "");
}

TEST(Softmax, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_softmax(2), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_softmax(-1), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_log_softmax(0), {{DType::i64, {2, 3}}}));
  EXPECT_TRUE(refuses(make_log_softmax(0), {{kReal, {}}}));
}

RC_GTEST_PROP(Softmax, RandomCasesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 5);
  const std::int64_t axis = draw(0, static_cast<std::int64_t>(shape.size()) - 1);
  RC_ASSERT(defects({draw_bool() ? make_softmax(axis) : make_log_softmax(axis), {{shape}}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
