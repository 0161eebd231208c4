// Primitives that move elements: forward against positions written out by hand, vjp as the opposite movement.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(Reshape, KeepsTheContract) {
  EXPECT_EQ(defects({make_reshape({6, 4}), {{{2, 3, 4}}}}), "");
  EXPECT_EQ(defects({make_reshape({}), {{{1, 1}}}}), "");
  EXPECT_EQ(defects({make_reshape({2, 2}), {integers({4}, -5, 5)}}), "");
  EXPECT_TRUE(make_reshape({2})->is_view());
}

TEST(Transpose, KeepsTheContract) {
  EXPECT_EQ(defects({make_transpose({1, 0}), {reals({2, 3}, {0, 1, 2, 3, 4, 5})}, {0, 3, 1, 4, 2, 5}}), "");
  EXPECT_EQ(defects({make_transpose({2, 0, 3, 1}), {{{2, 3, 4, 5}}}}), "");
  EXPECT_EQ(defects({make_transpose({0, 2, 1}), {booleans({2, 3, 4})}}), "");
}

TEST(Broadcast, KeepsTheContract) {
  EXPECT_EQ(defects({make_broadcast({2, 3}), {reals({2, 1}, {4, 7})}, {4, 4, 4, 7, 7, 7}}), "");
  EXPECT_EQ(defects({make_broadcast({4, 2, 5, 3}), {{{2, 1, 3}}}}), "");
  EXPECT_EQ(defects({make_broadcast({4, 2}), {{{}}}}), "");
  EXPECT_EQ(defects({make_broadcast({3, 2}), {integers({1}, -4, 4)}}), "");
}

TEST(Cast, KeepsTheContract) {
  EXPECT_EQ(defects({make_cast(kReal), {{{2, 5}}}}), "");
  EXPECT_EQ(defects({make_cast(kReal), {{{3}, 0, 0, DType::i64, false, {-3, 0, 7}}}, {-3, 0, 7}}), "");
  EXPECT_EQ(defects({make_cast(kReal), {{{3}, 0, 0, DType::i64, true, {-3, 0, 7}}}}), "");
  EXPECT_EQ(defects({make_cast(DType::i64), {{{4}, 0, 0, kReal, false, {-1.7, 1.7, 0.2, 3}}}, {-1, 1, 0, 3}}), "");
  EXPECT_EQ(defects({make_cast(DType::b8), {{{3}, 0, 0, kReal, false, {-1.7, 0, 0.2}}}, {1, 0, 1}}), "");
  EXPECT_EQ(defects({make_cast(DType::i64), {{{2, 40}, -9, 9}}}), "");
  EXPECT_FALSE(make_cast(DType::i64)->differentiable());
}

TEST(Slice, KeepsTheContract) {
  EXPECT_EQ(defects({make_slice({{4}, {-2}}, {3}), {reals({6}, {0, 1, 2, 3, 4, 5})}, {4, 2, 0}}), "");
  EXPECT_EQ(defects({make_slice({{0, 1, 2}, {1, 2, 3}}, {2, 3, 2}), {{{3, 6, 6}}}}), "");
  EXPECT_EQ(defects({make_slice({{1, 16, 1, 0}, {1, 1, 1, 1}}, {1, 16, 2, 3}), {{{2, 48, 3, 3}}}}), "");
  EXPECT_EQ(defects({make_slice({{0, 32, 0, 0}, {1, 1, 2, 1}}, {2, 8, 2, 3}), {{{2, 40, 4, 3}}}}), "");
  EXPECT_EQ(defects({make_slice({{0, 3, 0}, {1, 1, 1}}, {2, 9, 4}), {{{2, 20, 4}}}}), "");
}

TEST(Pad, KeepsTheContract) {
  EXPECT_EQ(defects({make_pad({1}, {2}, 9), {reals({2}, {3, 4})}, {9, 3, 4, 9, 9}}), "");
  EXPECT_EQ(defects({make_pad({-1}, {1}, 0), {reals({3}, {3, 4, 5})}, {4, 5, 0}}), "");
  EXPECT_EQ(defects({make_pad({0, 0, 1, 2}, {0, 0, 2, 0}, -0.5), {{{2, 18, 3, 4}}}}), "");
  EXPECT_EQ(defects({make_pad({0, 16, 0, 0}, {0, 8, 1, -1}, 0.5), {{{1, 16, 3, 4}}}}), "");
  EXPECT_EQ(defects({make_pad({0, 0, -1, 1}, {1, 3, 0, 0}, 0.5), {{{1, 7, 3, 4}}}}), "");
  EXPECT_EQ(defects({make_pad({-3, 0}, {4, 0}, 1), {{{3, 2}}}}), "");
}

TEST(Concat, KeepsTheContract) {
  EXPECT_EQ(defects({make_concat(1), {reals({2, 1}, {1, 2}), reals({2, 2}, {3, 4, 5, 6})}, {1, 3, 4, 2, 5, 6}}), "");
  EXPECT_EQ(defects({make_concat(1), {{{2, 16, 3, 3}}, {{2, 32, 3, 3}}, {{2, 5, 3, 3}}}}), "");
  EXPECT_EQ(defects({make_concat(1), {{{2, 3, 3, 3}}, fixed({{2, 5, 3, 3}}), {{2, 4, 3, 3}}}}), "");
  EXPECT_EQ(defects({make_concat(2), {{{2, 20, 3, 3}}, {{2, 20, 1, 3}}}}), "");
  EXPECT_EQ(defects({make_concat(0), {integers({2}, -4, 4), integers({0}, 0, 0), integers({3}, -4, 4)}}), "");
  EXPECT_EQ(defects({make_concat(0), {{{2, 3}}}}), "");
}

TEST(Reorder, IsTheIdentity) {
  EXPECT_EQ(defects({make_reorder(kernels::Layout::plain), {{{2, 20, 3, 3}}}}), "");
  EXPECT_EQ(make_reorder(kernels::Layout::blocked)->infer(std::vector<TensorType>{{kReal, {2, 20, 3}}})[0].layout,
            kernels::Layout::blocked);
}

TEST(Movement, RefusesWhatDoesNotFit) {
  const std::vector<TensorType> matrix = {{kReal, {2, 3}}};
  EXPECT_TRUE(refuses(make_reshape({4}), matrix));
  EXPECT_TRUE(refuses(make_reshape({-2, -3}), matrix));
  EXPECT_TRUE(refuses(make_transpose({0, 1, 2}), matrix));
  EXPECT_THROW(make_transpose({0, 0}), Error);
  EXPECT_THROW(make_transpose({0, 2}), Error);
  EXPECT_THROW(make_transpose({0, -1}), Error);
  EXPECT_TRUE(refuses(make_broadcast({3}), matrix));
  EXPECT_TRUE(refuses(make_broadcast({2, 1}), matrix));
  EXPECT_TRUE(refuses(make_broadcast({1LL << 40, 1LL << 40, 2, 3}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0}, {1}}, {2}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0, 0}, {1}}, {2, 3}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0, 0}, {1, 1}}, {2, 4}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0, 2}, {1, -1}}, {2, 4}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0, 0}, {1, 1}}, {2, -1}), matrix));
  EXPECT_TRUE(refuses(make_slice({{0, 1}, {1, INT64_MAX}}, {2, 3}), matrix));
  EXPECT_TRUE(refuses(make_pad({0}, {0}, 0), matrix));
  EXPECT_TRUE(refuses(make_pad({0, -2}, {0, -2}, 0), matrix));
  EXPECT_TRUE(refuses(make_pad({0, -4}, {0, 4}, 0), matrix));
  EXPECT_TRUE(refuses(make_pad({0, INT64_MIN}, {0, 0}, 0), matrix));
  EXPECT_TRUE(refuses(make_pad({1LL << 50, 1LL << 50}, {0, 0}, 0), matrix));
  EXPECT_TRUE(refuses(make_concat(2), {{kReal, {2, 3}}, {kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_concat(-1), {{kReal, {2, 3}}, {kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_concat(0), {{kReal, {2, 3}}, {kReal, {2, 4}}}));
  EXPECT_TRUE(refuses(make_concat(0), {{kReal, {2, 3}}, {kReal, {2, 3, 1}}}));
  EXPECT_TRUE(refuses(make_concat(0), {{kReal, {2, 3}}, {DType::i64, {2, 3}}}));
  EXPECT_TRUE(refuses(make_concat(0), {}));
}

RC_GTEST_PROP(Movement, RandomTransposesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 5)), 1, 4);
  Shape permutation(shape.size());
  std::iota(permutation.begin(), permutation.end(), 0);
  for (std::size_t i = permutation.size(); i-- > 1;) {
    std::swap(permutation[i], permutation[static_cast<std::size_t>(draw(0, static_cast<std::int64_t>(i)))]);
  }
  RC_ASSERT(defects({make_transpose(permutation), {{shape}}}, draw_seed()) == "");
}

RC_GTEST_PROP(Movement, RandomSlicesKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 1, 6);
  kernels::Region region;
  Shape extents;
  for (const std::int64_t extent : shape) {
    const std::int64_t step = draw(1, 3);
    const std::int64_t start = draw(0, extent - 1);
    const bool back = draw_bool();
    region.start.push_back(start);
    region.step.push_back(back ? -step : step);
    extents.push_back(draw(1, 1 + (back ? start : extent - 1 - start) / step));
  }
  RC_ASSERT(defects({make_slice(region, extents), {{shape}}}, draw_seed()) == "");
}

RC_GTEST_PROP(Movement, RandomPadsKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 5);
  Shape begin, end;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    begin.push_back(draw(-1, 2));
    end.push_back(draw(0, 2));
  }
  RC_ASSERT(defects({make_pad(begin, end, 0.25), {{shape}}}, draw_seed()) == "");
}

RC_GTEST_PROP(Movement, RandomConcatsKeepTheContract, ()) {
  const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 1, 4);
  const std::int64_t axis = draw(0, static_cast<std::int64_t>(shape.size()) - 1);
  Case c{make_concat(axis), {}};
  for (std::int64_t i = draw(1, 4); i > 0; --i) {
    c.inputs.push_back({shape});
    const bool wide = axis == 1 && draw_bool();
    c.inputs.back().shape[static_cast<std::size_t>(axis)] = wide ? 16 : draw(1, 4);
  }
  RC_ASSERT(defects(c, draw_seed()) == "");
}

RC_GTEST_PROP(Movement, RandomBroadcastsAndReshapesKeepTheContract, ()) {
  const Shape whole = draw_shape(static_cast<std::size_t>(draw(1, 5)), 1, 4);
  Shape part(whole.begin() + draw(0, static_cast<std::int64_t>(whole.size())), whole.end());
  for (std::int64_t& extent : part) extent = draw_bool() ? extent : 1;
  RC_ASSERT(defects({make_broadcast(whole), {{part}}}, draw_seed()) == "");
  Shape merged = whole;  // two neighbouring axes become one, and one axis of extent 1 comes in
  if (merged.size() > 1) {
    const std::int64_t at = draw(0, static_cast<std::int64_t>(merged.size()) - 2);
    merged[static_cast<std::size_t>(at)] *= merged[static_cast<std::size_t>(at) + 1];
    merged.erase(merged.begin() + at + 1);
  }
  merged.insert(merged.begin() + draw(0, static_cast<std::int64_t>(merged.size())), 1);
  RC_ASSERT(defects({make_reshape(merged), {{whole}}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
