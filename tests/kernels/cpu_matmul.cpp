// Invariant: matrix products on the CPU device equal the reference to float rounding, for every transposition, batch
// broadcast and epilogue, with constant factors or not.
#include <gtest/gtest.h>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 1e-5;
constexpr double kTerms = 1;  // products of two numbers below 2

struct Case {
  MatmulAttributes attributes;
  Shape a, b, y;
};

Case draw_case() {
  Case c;
  const std::int64_t m = draw_one<std::int64_t>({1, 2, 7, 16, 33, 64});
  const std::int64_t k = draw_one<std::int64_t>({1, 3, 16, 31, 100});
  const std::int64_t n = draw_one<std::int64_t>({1, 5, 16, 48, 65});
  c.attributes.transpose_a = *rc::gen::arbitrary<bool>();
  c.attributes.transpose_b = *rc::gen::arbitrary<bool>();
  const auto batch_axes = static_cast<std::size_t>(draw(0, 3));
  for (std::size_t axis = 0; axis < batch_axes; ++axis) {
    const std::int64_t extent = draw(1, 4);
    const std::int64_t kind = draw(0, 3);  // equal, equal, a broadcasts, b broadcasts
    c.a.push_back(kind == 2 ? 1 : extent);
    c.b.push_back(kind == 3 ? 1 : extent);
    c.y.push_back(extent);
  }
  if (draw(0, 2) == 0) {
    c.b.clear();
    c.y = c.a;
  }
  for (const std::int64_t extent : c.attributes.transpose_a ? std::array{k, m} : std::array{m, k})
    c.a.push_back(extent);
  for (const std::int64_t extent : c.attributes.transpose_b ? std::array{n, k} : std::array{k, n})
    c.b.push_back(extent);
  c.y.push_back(m);
  c.y.push_back(n);
  return c;
}

TEST(CpuMatmul, EqualsReference) {
  EXPECT_TRUE(rc::check("matmul", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Pair a = bench.random(c.a);
    Pair b = bench.random(c.b);
    b.cpu.constant = *rc::gen::arbitrary<bool>();
    const Pair bias = bench.random({c.y.back()});
    const Pair residual = bench.random(c.y);
    const Pair y = bench.output(c.y);
    const bool with_bias = *rc::gen::arbitrary<bool>();
    const bool with_residual = *rc::gen::arbitrary<bool>();
    const bool relu = *rc::gen::arbitrary<bool>();
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      const Epilogue epilogue{with_bias ? &pick(bias) : nullptr, with_residual ? &pick(residual) : nullptr, relu};
      device.matmul(workspace, c.attributes, pick(a), pick(b), pick(y), epilogue);
    });
    bench.expect_equal(y, kTolerance, "y", kTerms);
  }));
}

TEST(CpuMatmul, EmptyInnerAxisGivesTheBias) {
  Bench bench(1);
  const Pair a = bench.random({3, 0});
  const Pair b = bench.random({0, 4});
  const Pair bias = bench.random({4});
  const Pair y = bench.output({3, 4});
  bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
    device.matmul(workspace, {}, pick(a), pick(b), pick(y), {&pick(bias), nullptr, false});
  });
  EXPECT_EQ(values(y.reference), values(y.cpu));
}

}  // namespace
}  // namespace mho::kernels::testing
