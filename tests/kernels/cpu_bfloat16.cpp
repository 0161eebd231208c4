// Invariant: with bfloat16, contractions equal the reference to float rounding where the operands are bfloat16 numbers
// (sums are float32), and to bfloat16 rounding where they are not; and ResNet-50's layers use it where it pays.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kExact = 1e-5;
constexpr double kRounded = 1e-2;
constexpr double kTerms = 1;  // products of two numbers below 2

class CpuBfloat16 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cpu_has_bfloat16()) GTEST_SKIP() << "this CPU has no instructions for bfloat16 matrices (AMX)";
  }
};

double nearest_bfloat16(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  const std::uint32_t even = bits + 0x7FFF + (bits >> 16 & 1);
  return std::bit_cast<float>(even & 0xFFFF0000);
}

/// Random bfloat16 numbers, or, unless `exact`, random floats.
Pair draw_operand(Bench& bench, bool exact, const Shape& shape, Layout layout = Layout::plain) {
  const Pair pair = bench.random(shape, layout);
  if (!exact) return pair;
  std::vector<double> numbers = values(pair.reference);
  for (double& number : numbers) number = nearest_bfloat16(number);
  set_values(pair.reference, numbers);
  set_values(pair.cpu, numbers);
  return pair;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> left = values(a), right = values(b);
  double difference = 0, scale = 0;
  for (std::size_t i = 0; i < left.size(); ++i) {
    difference = std::max(difference, std::abs(left[i] - right[i]));
    scale = std::max(scale, std::abs(right[i]));
  }
  return difference / scale;
}

struct Case {
  ConvolutionAttributes attributes;
  Shape x, w, y;
};

/// Wide enough for bfloat16 to pay.
Case draw_case() {
  Case c;
  const auto spatial = static_cast<std::size_t>(draw_one({1, 2, 2, 2, 3}));
  const auto in = draw_one<std::int64_t>({32, 48, 64, 128});
  const auto out = draw_one<std::int64_t>({32, 80, 128});
  c.x = {draw(1, 3), in};
  c.w = {out, in};
  c.y = {c.x[0], out};
  Window& w = c.attributes.window;
  for (std::size_t i = 0; i < spatial; ++i) {
    w.kernel.push_back(spatial == 1 ? draw(3, 7) : draw(1, 4));
    w.strides.push_back(draw(1, 2));
    w.dilations.push_back(draw_one<std::int64_t>({1, 1, 2}));
    const std::int64_t span = w.dilations[i] * (w.kernel[i] - 1) + 1;
    w.pads_begin.push_back(draw(0, std::min<std::int64_t>(span - 1, 3)));
    w.pads_end.push_back(draw(0, std::min<std::int64_t>(span - 1, 3)));
    c.x.push_back(draw(span, spatial == 3 ? 7 : 15));
    c.w.push_back(w.kernel[i]);
    c.y.push_back((c.x.back() + w.pads_begin[i] + w.pads_end[i] - span) / w.strides[i] + 1);
  }
  return c;
}

TEST_F(CpuBfloat16, ConvolutionEqualsReference) {
  EXPECT_TRUE(rc::check("forward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed(), 2, true);
    const bool exact = *rc::gen::arbitrary<bool>();
    const Pair x = draw_operand(bench, exact, c.x, Layout::blocked);
    Pair w = draw_operand(bench, exact, c.w);
    w.cpu.constant = draw(0, 3) > 0;
    const Pair bias = bench.random({c.y[1]});
    const Pair residual = bench.random(c.y, Layout::blocked);
    const bool in_place = *rc::gen::arbitrary<bool>();
    const Pair y = in_place ? residual : bench.output(c.y, Layout::blocked);
    const bool with_bias = *rc::gen::arbitrary<bool>();
    const bool with_residual = in_place || *rc::gen::arbitrary<bool>();
    const bool relu = *rc::gen::arbitrary<bool>();
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) {
          const Epilogue epilogue{with_bias ? &pick(bias) : nullptr, with_residual ? &pick(residual) : nullptr, relu};
          device.convolution(workspace, c.attributes, pick(x), pick(w), pick(y), epilogue);
        },
        in_place);
    bench.expect_equal(y, exact ? kExact : kRounded, "y", kTerms);
  }));
}

TEST_F(CpuBfloat16, AdjointEqualsReference) {
  EXPECT_TRUE(rc::check("backward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed(), 2, true);
    const bool exact = *rc::gen::arbitrary<bool>();
    const Pair gy = draw_operand(bench, exact, c.y, Layout::blocked);
    Pair w = draw_operand(bench, exact, c.w);
    w.cpu.constant = draw(0, 3) > 0;
    const Pair gx = bench.output(c.x, Layout::blocked);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.convolution_vjp_data(workspace, c.attributes, pick(gy), pick(w), pick(gx));
    });
    bench.expect_equal(gx, exact ? kExact : kRounded, "gx", kTerms);
  }));
}

TEST_F(CpuBfloat16, MatmulEqualsReference) {
  EXPECT_TRUE(rc::check("matmul", [] {
    Bench bench(draw_seed(), 2, true);
    const bool exact = *rc::gen::arbitrary<bool>();
    MatmulAttributes attributes;
    attributes.transpose_a = *rc::gen::arbitrary<bool>();
    attributes.transpose_b = *rc::gen::arbitrary<bool>();
    const auto m = draw_one<std::int64_t>({64, 65, 130});
    const auto k = draw_one<std::int64_t>({127, 128, 301});
    const auto n = draw_one<std::int64_t>({64, 131, 160});
    Shape a = attributes.transpose_a ? Shape{k, m} : Shape{m, k};
    Shape b = attributes.transpose_b ? Shape{n, k} : Shape{k, n};
    Shape y{m, n};
    const auto batch = draw(0, 3);
    if (batch > 0) {
      a.insert(a.begin(), batch);
      y.insert(y.begin(), batch);
      if (*rc::gen::arbitrary<bool>()) b.insert(b.begin(), batch);
    }
    const Pair left = draw_operand(bench, exact, a);
    Pair right = draw_operand(bench, exact, b);
    right.cpu.constant = *rc::gen::arbitrary<bool>();
    const Pair bias = bench.random({n});
    const Pair residual = bench.random(y);
    const Pair out = bench.output(y);
    const bool with_bias = *rc::gen::arbitrary<bool>();
    const bool with_residual = *rc::gen::arbitrary<bool>();
    const bool relu = *rc::gen::arbitrary<bool>();
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      const Epilogue epilogue{with_bias ? &pick(bias) : nullptr, with_residual ? &pick(residual) : nullptr, relu};
      device.matmul(workspace, attributes, pick(left), pick(right), pick(out), epilogue);
    });
    bench.expect_equal(out, exact ? kExact : kRounded, "y", kTerms);
  }));
}

/// Relative differences between the float32 and the bfloat16 device, forward and backward: 0 where bfloat16 is not
/// used.
struct Rounding {
  double forward, backward;
};

Rounding rounding_of(std::int64_t in, std::int64_t size, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  const std::int64_t pad = kernel / 2;
  const std::int64_t size_out = (size + 2 * pad - kernel) / stride + 1;
  const ConvolutionAttributes attributes{{{kernel, kernel}, {stride, stride}, {1, 1}, {pad, pad}, {pad, pad}, {}}, 1};
  Bench bench(7);
  const auto rounding = make_cpu_device({.threads = 1, .bfloat16 = true});
  const Layout layout = in % kChannelBlock == 0 ? Layout::blocked : Layout::plain;
  const Pair x = bench.random({1, in, size, size}, layout);
  const Pair gy = bench.random({1, out, size_out, size_out}, Layout::blocked);
  Pair w = bench.random({out, in, kernel, kernel});
  w.cpu.constant = true;
  const Pair y = bench.output(gy.cpu.shape(), Layout::blocked),
             rounded_y = bench.output(y.cpu.shape(), Layout::blocked);
  const Pair gx = bench.output(x.cpu.shape(), layout), rounded_gx = bench.output(x.cpu.shape(), layout);
  const auto run = [&](Device& device, const Tensor& value, const Tensor& gradient) {
    Scratch scratch;
    Workspace forward(scratch), backward(scratch);
    device.convolution(forward, attributes, x.cpu, w.cpu, value, {});
    device.convolution_vjp_data(backward, attributes, gy.cpu, w.cpu, gradient);
  };
  run(bench.cpu(), y.cpu, gx.cpu);
  run(*rounding, rounded_y.cpu, rounded_gx.cpu);
  return {largest_difference(rounded_y.cpu, y.cpu), largest_difference(rounded_gx.cpu, gx.cpu)};
}

void expect_bfloat16(double difference) {
  EXPECT_GT(difference, 1e-4);
  EXPECT_LT(difference, kRounded);
}

TEST_F(CpuBfloat16, IsUsedByResNet50WhereItPays) {
  for (const auto& [in, size, out, kernel, stride] :
       std::initializer_list<std::array<std::int64_t, 5>>{{64, 56, 64, 3, 1},
                                                          {128, 56, 128, 3, 2},
                                                          {512, 28, 128, 1, 1},
                                                          {256, 14, 1024, 1, 1},
                                                          {512, 7, 512, 3, 1}}) {
    SCOPED_TRACE(std::to_string(in) + " to " + std::to_string(out) + " channels");
    const Rounding rounding = rounding_of(in, size, out, kernel, stride);
    expect_bfloat16(rounding.forward);
    expect_bfloat16(rounding.backward);
  }
}

TEST_F(CpuBfloat16, IsNotUsedWhereItDoesNotPay) {
  const Rounding image = rounding_of(3, 64, 64, 7, 2);
  EXPECT_EQ(image.forward, 0);
  EXPECT_EQ(image.backward, 0);
  const Rounding narrow = rounding_of(64, 56, 64, 1, 1);
  EXPECT_EQ(narrow.forward, 0);
  EXPECT_EQ(narrow.backward, 0);
}

TEST(CpuFloat32, IsWhatABfloat16DeviceFallsBackTo) {
  if (cpu_has_bfloat16()) GTEST_SKIP() << "this CPU multiplies bfloat16 matrices";
  EXPECT_EQ(rounding_of(64, 14, 64, 3, 1).forward, 0);
}

}  // namespace
}  // namespace mho::kernels::testing
