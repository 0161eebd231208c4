// Pooling: pads never win a maximum, what an average divides by, windows that reach past the end (ceil_mode).
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

using kernels::Window;

Window window(Shape kernel, std::int64_t stride = 1, std::int64_t pad = 0, std::int64_t dilation = 1) {
  const std::size_t axes = kernel.size();
  return {std::move(kernel), Shape(axes, stride), Shape(axes, dilation), Shape(axes, pad), Shape(axes, pad), {}};
}

/// The same with one more cell at the end of every axis, as ceil_mode adds it.
Window overhanging(Window w) {
  for (std::int64_t& pad : w.pads_end) ++pad;
  w.overhang = Shape(w.kernel.size(), 1);
  return w;
}

TEST(Pooling, StatedResults) {
  const Input x = reals({1, 1, 5}, {-1, -2, -3, 4, -5});
  EXPECT_EQ(defects({make_pool_max(window({2}, 2, 1)), {x}, {-1, -2, 4}}), "");
  EXPECT_EQ(defects({make_pool_average(window({2}, 2, 1), true), {x}, {-0.5, -2.5, -0.5}}), "");
  EXPECT_EQ(defects({make_pool_average(window({2}, 2, 1), false), {x}, {-1, -2.5, -0.5}}), "");
  EXPECT_EQ(defects({make_pool_max(overhanging(window({2}, 2))), {x}, {-1, 4, -5}}), "");
  EXPECT_EQ(defects({make_pool_average(overhanging(window({2}, 2)), true), {x}, {-1.5, 0.5, -5}}), "");
}

TEST(Pooling, EveryGeometryKeepsTheContract) {
  for (const Shape& x : {Shape{2, 3, 7, 6}, Shape{1, 19, 5, 7}, Shape{2, 32, 6, 6}}) {
    for (const Window& w : {window({2, 2}, 2), window({3, 3}, 2, 1), window({3, 2}, 1, 1), window({2, 2}, 1, 1, 2),
                            overhanging(window({2, 2}, 3))}) {
      EXPECT_EQ(defects({make_pool_max(w), {{x}}}), "");
      EXPECT_EQ(defects({make_pool_average(w, true), {{x}}}), "");
      EXPECT_EQ(defects({make_pool_average(w, false), {{x}}}), "");
    }
  }
  EXPECT_EQ(defects({make_pool_max(window({3}, 2, 1)), {{{2, 18, 9}}}}), "");
  EXPECT_EQ(defects({make_pool_average(window({3}, 2, 1), false), {{{2, 18, 9}}}}), "");
  EXPECT_EQ(defects({make_pool_max(window({2, 3, 2}, 2, 1)), {{{1, 17, 4, 5, 4}}}}), "");
  EXPECT_EQ(defects({make_pool_average(window({2, 3, 2}, 2, 1), true), {{{1, 17, 4, 5, 4}}}}), "");
}

TEST(Pooling, WindowsInThePaddingAloneAreRefused) {
  const std::vector<TensorType> x = {{kReal, {1, 1, 4}}};
  EXPECT_FALSE(refuses(make_pool_max(window({3}, 1, 2)), x));
  EXPECT_TRUE(refuses(make_pool_max(window({3}, 1, 3)), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2}, 2, 2)), x));
  // A dilated window may step over the input.
  EXPECT_TRUE(refuses(make_pool_max(window({2}, 1, 1, 2)), {{kReal, {1, 1, 1}}}));
}

TEST(Pooling, RefusesWhatDoesNotFit) {
  const std::vector<TensorType> x = {{kReal, {1, 2, 4, 4}}};
  EXPECT_TRUE(refuses(make_pool_max(window({5, 1})), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2})), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2, 0})), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2, 2}, 0)), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2, 2}, 1, -1)), x));
  EXPECT_TRUE(refuses(make_pool_max(window({2, 2}, 1, 0, 0)), x));
  EXPECT_TRUE(refuses(make_pool_average(window({2, 2}, 1, 0, INT64_MAX), true), x));
  EXPECT_TRUE(refuses(make_pool_average(window({2, 2}), true), {{DType::i64, {1, 2, 4, 4}}}));
  EXPECT_TRUE(refuses(make_pool_average(window({2, 2}), true), {{kReal, {4, 4}}}));
  Window overhang = window({2, 2});
  overhang.overhang = {1, 1};
  EXPECT_TRUE(refuses(make_pool_average(overhang, true), x)) << "more overhang than pad";
}

RC_GTEST_PROP(Pooling, RandomCasesKeepTheContract, ()) {
  const auto axes = static_cast<std::size_t>(draw(1, 3));
  Shape x{draw(1, 2), draw_bool() ? draw(1, 4) : draw(15, 18)};
  Window w;
  for (std::size_t i = 0; i < axes; ++i) {
    x.push_back(draw(4, 6));
    w.kernel.push_back(draw(2, 3));
    w.strides.push_back(draw(1, 3));
    w.dilations.push_back(1);
    w.pads_begin.push_back(draw(0, w.kernel[i] - 1));
    w.pads_end.push_back(draw(0, w.kernel[i] - 1));
  }
  RC_ASSERT(defects({draw_bool() ? make_pool_max(w) : make_pool_average(w, draw_bool()), {{x}}}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
