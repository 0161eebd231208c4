// Invariant: pooling on the CPU device equals the reference in both layouts: values, winners and adjoints.
#include <gtest/gtest.h>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 1e-6;

struct Case {
  Window window;
  Shape x, y;
  Layout layout = Layout::plain;
};

Case draw_case() {
  Case c;
  const auto spatial = static_cast<std::size_t>(draw(1, 3));
  c.layout = draw_one({Layout::plain, Layout::blocked});
  c.x = {draw(1, 3), draw_one<std::int64_t>({1, 3, 16, 20, 33})};
  c.y = c.x;
  Window& w = c.window;
  for (std::size_t i = 0; i < spatial; ++i) {
    w.kernel.push_back(draw(1, 4));
    w.strides.push_back(draw(1, 3));
    w.dilations.push_back(draw(1, 2));
    const std::int64_t span = w.dilations[i] * (w.kernel[i] - 1) + 1;
    const std::int64_t overhang = draw(0, w.strides[i] - 1);
    w.overhang.push_back(overhang);
    w.pads_begin.push_back(draw(0, w.kernel[i] - 1));
    w.pads_end.push_back(draw(0, w.kernel[i] - 1) + overhang);
    c.x.push_back(draw(span, 9));
    c.y.push_back((c.x.back() + w.pads_begin[i] + w.pads_end[i] - span) / w.strides[i] + 1);
  }
  return c;
}

TEST(CpuPooling, MaxAndItsAdjointEqualReference) {
  EXPECT_TRUE(rc::check("max", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Pair x = bench.random(c.x, c.layout);
    const Pair y = bench.output(c.y, c.layout);
    const Pair winner = bench.output(c.y, c.layout, DType::i32);
    const Pair gy = bench.random(c.y, c.layout);
    const Pair gx = bench.output(c.x, c.layout);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.pool_max(workspace, c.window, pick(x), pick(y), pick(winner));
      device.pool_max_vjp(workspace, c.window, pick(gy), pick(winner), pick(gx));
    });
    bench.expect_equal(y, 0, "y");
    RC_ASSERT(values(winner.reference) == values(winner.cpu));
    bench.expect_equal(gx, kTolerance, "gx");
  }));
}

TEST(CpuPooling, FirstOfEqualMaximaWins) {
  EXPECT_TRUE(rc::check("ties", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    Pair x = bench.random(c.x, c.layout);
    const std::vector<double> equal(static_cast<std::size_t>(element_count(c.x)), -1.5);
    set_values(x.reference, equal);
    set_values(x.cpu, equal);
    const Pair y = bench.output(c.y, c.layout);
    const Pair winner = bench.output(c.y, c.layout, DType::i32);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.pool_max(workspace, c.window, pick(x), pick(y), pick(winner));
    });
    RC_ASSERT(values(winner.reference) == values(winner.cpu));
  }));
}

TEST(CpuPooling, AverageAndItsAdjointEqualReference) {
  EXPECT_TRUE(rc::check("average", [] {
    const Case c = draw_case();
    const bool count_include_pad = *rc::gen::arbitrary<bool>();
    Bench bench(draw_seed());
    const Pair x = bench.random(c.x, c.layout);
    const Pair y = bench.output(c.y, c.layout);
    const Pair gy = bench.random(c.y, c.layout);
    const Pair gx = bench.output(c.x, c.layout);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.pool_average(workspace, c.window, count_include_pad, pick(x), pick(y));
      device.pool_average_vjp(workspace, c.window, count_include_pad, pick(gy), pick(gx));
    });
    bench.expect_equal(y, kTolerance, "y");
    bench.expect_equal(gx, kTolerance, "gx");
  }));
}

}  // namespace
}  // namespace mho::kernels::testing
