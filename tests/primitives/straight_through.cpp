// Rounding with gradient 1: values are rounded, gradients pass unchanged, DeepLIFT's sums are kept.
#include <gtest/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(RoundStraightThrough, RoundsHalvesToEvenAndPassesGradients) {
  const Case c{make_round_straight_through(), {reals({5}, {0.5, 1.5, -0.4, -2.6, 3})}};
  EXPECT_EQ(reference_gradients(c, {1, 2, 3, 4, 5}), (std::vector<std::vector<double>>{{1, 2, 3, 4, 5}}));
  EXPECT_EQ(multiplier_defects(c, 3, std::nullopt), "");
  EXPECT_EQ(multiplier_defects({make_round_straight_through(), {{{4, 5}, -9, 9}}}, 4, std::nullopt), "");
  EXPECT_TRUE(refuses(make_round_straight_through(), {{DType::b8, {2}}}));
}

}  // namespace
}  // namespace mho::primitives::testing
