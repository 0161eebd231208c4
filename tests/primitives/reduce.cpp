// Reductions: any axes, zeros in products, ties in extrema, nothing to reduce.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

using kernels::ReduceKind;

constexpr std::array kKinds = {ReduceKind::sum, ReduceKind::mean, ReduceKind::prod, ReduceKind::max, ReduceKind::min};

TEST(Reduce, EveryKindKeepsTheContract) {
  for (const ReduceKind kind : kKinds) {
    EXPECT_EQ(defects({make_reduce(kind, {1}), {{{3, 5, 4}}}}), "");
    EXPECT_EQ(defects({make_reduce(kind, {0, 2}), {{{3, 5, 4}}}}), "");
    EXPECT_EQ(defects({make_reduce(kind, {2, 3}), {{{2, 3, 4, 3}}}}), "");
    EXPECT_EQ(defects({make_reduce(kind, {0}), {{{7}}}}), "");
    EXPECT_EQ(defects({make_reduce(kind, {1}), {integers({3, 4}, -3, 5)}}), "");
  }
  EXPECT_EQ(defects({make_reduce(ReduceKind::sum, {}), {{{3, 2}}}}), "");
}

TEST(Reduce, StatedResults) {
  const Input x = reals({2, 3}, {1, -2, 4, 3, 5, 0.5});
  EXPECT_EQ(defects({make_reduce(ReduceKind::sum, {1}), {x}, {3, 8.5}}), "");
  EXPECT_EQ(defects({make_reduce(ReduceKind::mean, {0}), {x}, {2, 1.5, 2.25}}), "");
  EXPECT_EQ(defects({make_reduce(ReduceKind::prod, {1}), {x}, {-8, 7.5}}), "");
  EXPECT_EQ(defects({make_reduce(ReduceKind::max, {1}), {x}, {4, 5}}), "");
  EXPECT_EQ(defects({make_reduce(ReduceKind::min, {0}), {x}, {1, -2, 0.5}}), "");
}

TEST(Reduce, ProductsOfZerosHaveExactGradients) {
  EXPECT_EQ(defects({make_reduce(ReduceKind::prod, {1}), {reals({4, 3}, {2, 0, 3, 0, 0, 5, 0, 0, 0, 1, -2, 3})}}), "");
}

TEST(Reduce, EmptySumIsZeroAndEmptyMaximumRefused) {
  EXPECT_EQ(defects({make_reduce(ReduceKind::sum, {1}), {fixed({{2, 0}})}, {0, 0}}), "");
  EXPECT_EQ(defects({make_reduce(ReduceKind::prod, {1}), {fixed({{2, 0}})}, {1, 1}}), "");
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::max, {1}), {{kReal, {2, 0}}}));
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::min, {1}), {{DType::i64, {2, 0}}}));
}

TEST(Reduce, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::sum, {2}), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::sum, {-1}), {{kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::sum, {0}), {{kReal, {}}}));
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::sum, {0}), {{DType::b8, {2, 3}}}));
  EXPECT_TRUE(refuses(make_reduce(ReduceKind::max, {0}), {{kReal, {1LL << 32}}}));
}

RC_GTEST_PROP(Reduce, RandomCasesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 4);
  Shape axes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (draw_bool() || (axes.empty() && i + 1 == shape.size())) axes.push_back(static_cast<std::int64_t>(i));
  }
  const ReduceKind kind = *rc::gen::elementOf(std::vector<ReduceKind>(kKinds.begin(), kKinds.end()));
  RC_ASSERT(defects({make_reduce(kind, axes), {{shape, 0.5, 1.5}}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
