// Invariant: reductions and softmax on the CPU device equal the reference to float rounding over any axes.
#include <gtest/gtest.h>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 1e-6;

TEST(CpuReduce, EqualsReferenceOverAnyAxes) {
  EXPECT_TRUE(rc::check("reduce", [] {
    Bench bench(draw_seed());
    const ReduceKind kind =
        draw_one({ReduceKind::sum, ReduceKind::sum, ReduceKind::mean, ReduceKind::prod, ReduceKind::max});
    const Shape x_shape = draw_shape(static_cast<std::size_t>(draw(0, 5)), 1, 8);
    Shape y_shape = x_shape;
    for (auto& extent : y_shape) extent = *rc::gen::arbitrary<bool>() ? 1 : extent;
    const Pair x = bench.random(x_shape);
    const Pair y = bench.output(y_shape);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.reduce(workspace, kind, pick(x), pick(y));
    });
    bench.expect_equal(y, kTolerance, "y");
  }));
}

TEST(CpuReduce, LongSumsKeepTheirDigits) {
  Bench bench(3);
  for (const Shape& shape : {Shape{2, 100000}, Shape{100000, 3}, Shape{3, 20000, 700}}) {
    Shape y_shape = shape;
    y_shape[shape.size() == 3 || shape[1] == 3 ? shape.size() - 2 : 1] = 1;
    const Pair x = bench.random(shape, Layout::plain, 0, 1);
    const Pair y = bench.output(y_shape);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.reduce(workspace, ReduceKind::sum, pick(x), pick(y));
    });
    const auto expected = values(y.reference);
    const auto actual = values(y.cpu);
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(actual[i], expected[i], 1e-7 * expected[i]);
  }
}

TEST(CpuSoftmax, EqualsReferenceAlongAnyAxis) {
  EXPECT_TRUE(rc::check("softmax", [] {
    Bench bench(draw_seed());
    const Shape shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 1, 20);
    const auto axis = draw(0, static_cast<std::int64_t>(shape.size()) - 1);
    const Pair x = bench.random(shape, Layout::plain, -20, 20);
    const Pair gy = bench.random(shape);
    const Pair y = bench.output(shape);
    const Pair gx = bench.output(shape);
    const Pair log_y = bench.output(shape);
    const Pair log_gx = bench.output(shape);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.softmax(workspace, pick(x), axis, pick(y));
      device.softmax_vjp(workspace, pick(y), pick(gy), axis, pick(gx));
      device.log_softmax(workspace, pick(x), axis, pick(log_y));
      device.log_softmax_vjp(workspace, pick(log_y), pick(gy), axis, pick(log_gx));
    });
    bench.expect_equal(y, kTolerance, "softmax");
    bench.expect_equal(log_y, kTolerance, "log softmax");
    // The adjoints start from a rounded y, whose error is relative to |gy|, not to their own size.
    const auto check = [](const Pair& pair) {
      const auto expected = values(pair.reference);
      const auto actual = values(pair.cpu);
      for (std::size_t i = 0; i < expected.size(); ++i) RC_ASSERT(std::abs(expected[i] - actual[i]) < 2e-5);
    };
    check(gx);
    check(log_gx);
  }));
}

}  // namespace
}  // namespace mho::kernels::testing
