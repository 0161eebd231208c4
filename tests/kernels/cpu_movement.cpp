// Invariant: filling, copying, rearranging and region copies on the CPU device give the reference's numbers exactly, in
// both layouts and for every element type.
#include <gtest/gtest.h>

#include <numeric>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

Layout draw_layout() { return draw_one({Layout::plain, Layout::blocked}); }
Shape draw_image() {
  Shape shape = draw_shape(static_cast<std::size_t>(draw(3, 5)), 1, 6);
  shape[1] = draw_one<std::int64_t>({1, 3, 16, 20, 33});
  return shape;
}
DType draw_type() { return draw_one({DType::f32, DType::f32, DType::i64, DType::i32, DType::b8}); }
Pair draw_tensor(Bench& bench, DType dtype, const Shape& shape, Layout layout = Layout::plain) {
  if (dtype == DType::f32) return bench.random(shape, layout);
  return bench.integers(dtype, shape, dtype == DType::b8 ? 0 : -100, dtype == DType::b8 ? 1 : 100, layout);
}

TEST(CpuMovement, CopyConvertsLayouts) {
  EXPECT_TRUE(rc::check("copy", [] {
    Bench bench(draw_seed());
    const Shape shape = draw_image();
    const DType dtype = draw_type();
    const Pair x = draw_tensor(bench, dtype, shape, draw_layout());
    const Pair y = bench.output(shape, draw_layout(), dtype);
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) { device.copy(workspace, pick(x), pick(y)); });
    bench.expect_equal(y, 0, "y");
  }));
}

TEST(CpuMovement, CopyConvertsTypes) {
  EXPECT_TRUE(rc::check("convert", [] {
    Bench bench(draw_seed());
    const Shape shape = draw_image();
    const Pair x = draw_tensor(bench, draw_type(), shape, draw_layout());
    const Pair y = bench.output(shape, draw_layout(), draw_type());
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) { device.copy(workspace, pick(x), pick(y)); });
    bench.expect_equal(y, 0, "y");
  }));
}

TEST(CpuMovement, FillKeepsPadding) {
  EXPECT_TRUE(rc::check("fill", [] {
    Bench bench(draw_seed());
    const Pair y = bench.output(draw_image(), draw_layout(), draw_type());
    bench.run([&](Device& device, Workspace&, const Pick& pick) { device.fill(pick(y), 1); });
    bench.expect_equal(y, 0, "y");
  }));
}

TEST(CpuMovement, TransposeAndBroadcastEqualReference) {
  EXPECT_TRUE(rc::check("transpose", [] {
    Bench bench(draw_seed());
    const DType dtype = draw_type();
    const Shape x_shape = draw_shape(static_cast<std::size_t>(draw(1, 5)), 1, 7);
    std::vector<std::int64_t> permutation(x_shape.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    for (std::size_t i = permutation.size(); i > 1; --i) {
      std::swap(permutation[i - 1], permutation[static_cast<std::size_t>(draw(0, static_cast<std::int64_t>(i) - 1))]);
    }
    Shape y_shape;
    for (const auto axis : permutation) y_shape.push_back(x_shape[static_cast<std::size_t>(axis)]);
    const Pair x = draw_tensor(bench, dtype, x_shape);
    const Pair y = bench.output(y_shape, Layout::plain, dtype);
    Shape one = y_shape;
    for (auto& extent : one) extent = draw(0, 1) == 0 ? 1 : extent;
    const Pair small = draw_tensor(bench, dtype, one);
    const Pair large = bench.output(y_shape, Layout::plain, dtype);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.transpose(workspace, pick(x), permutation, pick(y));
      device.broadcast(workspace, pick(small), pick(large));
    });
    bench.expect_equal(y, 0, "transpose");
    bench.expect_equal(large, 0, "broadcast");
  }));
}

TEST(CpuMovement, PlainRegionsEqualReference) {
  EXPECT_TRUE(rc::check("region", [] {
    Bench bench(draw_seed());
    const bool accumulate = *rc::gen::arbitrary<bool>();
    const DType dtype = accumulate ? DType::f32 : draw_type();
    const Shape x_shape = draw_shape(static_cast<std::size_t>(draw(1, 4)), 1, 7);
    Shape y_shape, extents;
    Region from, to;
    for (const std::int64_t extent : x_shape) {
      y_shape.push_back(draw(1, 9));
      const bool backwards = draw(0, 4) == 0;
      const std::int64_t step = draw_one<std::int64_t>({1, 1, 1, 2});
      const std::int64_t to_step = draw_one<std::int64_t>({1, 1, 1, 2});
      const std::int64_t most = std::min((extent + step - 1) / step, (y_shape.back() + to_step - 1) / to_step);
      const std::int64_t count = draw(1, most);
      extents.push_back(count);
      const std::int64_t span = (count - 1) * step;
      from.start.push_back(draw(0, extent - 1 - span) + (backwards ? span : 0));
      from.step.push_back(backwards ? -step : step);
      to.start.push_back(draw(0, y_shape.back() - 1 - (count - 1) * to_step));
      to.step.push_back(to_step);
    }
    const Pair x = draw_tensor(bench, dtype, x_shape);
    const Pair y = draw_tensor(bench, dtype, y_shape);
    bench.run([&](Device& device, Workspace& workspace,
                  const Pick& pick) { device.copy_region(workspace, pick(x), from, pick(y), to, extents, accumulate); },
              true);
    bench.expect_equal(y, accumulate ? 1e-6 : 0, "y");
  }));
}

TEST(CpuMovement, ConcatenationAndSplitOfBlockedChannelsEqualReference) {
  EXPECT_TRUE(rc::check("blocked", [] {
    Bench bench(draw_seed());
    const bool accumulate = *rc::gen::arbitrary<bool>();
    Shape part = draw_image();
    part[1] = draw_one<std::int64_t>({16, 20, 32, 33});
    const std::int64_t before = draw_one<std::int64_t>({0, 16, 32});
    // Only a last part may end inside a block.
    Shape whole = part;
    whole[1] += before + (part[1] % 16 == 0 ? draw_one<std::int64_t>({0, 5, 16}) : 0);
    const std::size_t rank = part.size();
    const Region origin{Shape(rank, 0), Shape(rank, 1)};
    Region inside = origin;
    inside.start[1] = before;
    const bool split = *rc::gen::arbitrary<bool>();
    const Pair x = bench.random(split ? whole : part, Layout::blocked);
    const Pair y = bench.random(split ? part : whole, Layout::blocked);
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) {
          device.copy_region(workspace, pick(x), split ? inside : origin, pick(y), split ? origin : inside, part,
                             accumulate);
        },
        true);
    bench.expect_equal(y, accumulate ? 1e-6 : 0, "y");
  }));
}

}  // namespace
}  // namespace mho::kernels::testing
