// Invariant: a device that may use Winograd's algorithm gives the reference's convolutions and adjoints to float
// rounding.
#include <gtest/gtest.h>

#include <set>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/winograd.h"
#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 2e-5;

struct Case {
  ConvolutionAttributes attributes;
  Shape x, w, y;
};

/// Whole tiles and cut ones, any padding that an adjoint can have too; now and then weights so wide that tiles are
/// small.
Case draw_case() {
  const bool wide = draw(0, 19) == 0;
  const std::int64_t images = draw(1, 3), in = wide ? 208 : 16 * draw(1, 5), out = wide ? 96 : 16 * draw(1, 5);
  const std::int64_t height = draw(3, wide ? 9 : 18), width = draw(wide ? 7 : 3, wide ? 9 : 18);
  const Shape begin{draw(0, 2), draw(0, 2)}, end{draw(0, 2), draw(0, 2)};
  return {{{{3, 3}, {1, 1}, {1, 1}, begin, end, {}}, 1},
          {images, in, height, width},
          {out, in, 3, 3},
          {images, out, height + begin[0] + end[0] - 2, width + begin[1] + end[1] - 2}};
}

/// Runs `verb` on the reference and on a CPU device with Winograd's algorithm.
template <class Verb>
void run_both(const Verb& verb) {
  const auto reference = make_reference_device();
  const auto cpu = make_cpu_device({.threads = 2, .winograd = true});
  Scratch scratch;
  Workspace first(scratch), second(scratch);
  verb(*reference, first, Pick(true));
  for (int run = 0; run < 2; ++run) {  // the second run finds its slots prepared
    second.begin();
    verb(*cpu, second, Pick(false));
  }
}

void expect_convolution(const Case& c, bool with_residual, bool relu, unsigned seed) {
  Bench bench(seed);
  const Pair x = bench.random(c.x, Layout::blocked), residual = bench.random(c.y, Layout::blocked);
  const Pair bias = bench.random({c.y[1]}), y = bench.output(c.y, Layout::blocked);
  Pair w = bench.random(c.w);
  w.cpu.constant = true;
  run_both([&](Device& device, Workspace& workspace, const Pick& pick) {
    const Epilogue epilogue{&pick(bias), with_residual ? &pick(residual) : nullptr, relu};
    device.convolution(workspace, c.attributes, pick(x), pick(w), pick(y), epilogue);
  });
  bench.expect_equal(y, kTolerance, "y", static_cast<double>(c.x[1]));
}

void expect_adjoint(const Case& c, unsigned seed) {
  Bench bench(seed);
  const Pair gy = bench.random(c.y, Layout::blocked), gx = bench.output(c.x, Layout::blocked);
  Pair w = bench.random(c.w);
  w.cpu.constant = true;
  run_both([&](Device& device, Workspace& workspace, const Pick& pick) {
    device.convolution_vjp_data(workspace, c.attributes, pick(gy), pick(w), pick(gx));
  });
  bench.expect_equal(gx, kTolerance, "gx", static_cast<double>(c.y[1]));
}

TEST(CpuWinograd, EqualsReference) {
  EXPECT_TRUE(rc::check("forward", [] {
    expect_convolution(draw_case(), *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(), draw_seed());
  }));
}

TEST(CpuWinograd, AdjointEqualsReference) {
  EXPECT_TRUE(rc::check("backward", [] { expect_adjoint(draw_case(), draw_seed()); }));
}

/// The first image's outputs as they lie in memory: `images` of `size` x `size`, as many filters as channels; random
/// numbers, or a flat picture.
std::vector<float> first_image(Device& device, const ConvolutionAttributes& attributes, std::int64_t images,
                               std::int64_t channels, std::int64_t size, bool flat) {
  std::mt19937 random(7);
  Scratch memory;
  const auto tensor = [&](const Shape& shape, Layout layout) {
    const TensorType type{DType::f32, shape, layout};
    const Tensor made{type, memory.take(type.bytes()), true};
    for (float& v : made.as<float>()) v = std::uniform_real_distribution<float>(-1, 1)(random);
    return made;
  };
  const Tensor w = tensor({channels, channels, 3, 3}, Layout::plain);
  const Tensor x = tensor({images, channels, size, size}, Layout::blocked);
  if (flat) std::ranges::fill(x.as<float>(), 0.7F);
  const std::int64_t out = size + 2 * attributes.window.pads_begin[0] - 2;
  const Tensor y = tensor({images, channels, out, out}, Layout::blocked);
  Scratch scratch;
  Workspace workspace(scratch);
  device.convolution(workspace, attributes, x, w, y, {});
  const auto written = y.as<float>();
  return {written.begin(), written.begin() + channels * out * out};
}

/// The first image among five on two threads, and alone on one thread: the same bits.
TEST(CpuWinograd, ResultsDependOnNeitherBatchNorThreads) {
  for (const std::int64_t channels : {48, 208}) {
    const auto run = [&](std::int64_t images, int threads) {
      const ConvolutionAttributes attributes{{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};
      const auto device = make_cpu_device({.threads = threads, .winograd = true});
      return first_image(*device, attributes, images, channels, 15, false);
    };
    EXPECT_EQ(run(5, 2), run(1, 1)) << channels << " channels";
  }
}

/// Equal windows of a flat picture: asked to keep ties, a device gives them equal outputs. Winograd's algorithm would
/// not.
TEST(CpuWinograd, KeepsTiesWhereItIsAskedTo) {
  if (!cpu::has_winograd()) GTEST_SKIP() << "this CPU has no AVX-512";
  const auto distinct = [](bool keep_ties) {
    const ConvolutionAttributes attributes{{{3, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {}}, 1, keep_ties};
    const std::vector<float> outputs = first_image(*make_cpu_device(1), attributes, 1, 32, 18, true);
    std::set<float> first_channel;
    for (std::size_t i = 0; i < 256; ++i) first_channel.insert(outputs[16 * i]);
    return first_channel.size();
  };
  EXPECT_EQ(distinct(true), 1U);
  EXPECT_GT(distinct(false), 1U);
}

TEST(CpuWinograd, IsUsedWhereItPaysAndNowhereElse) {
  const auto tile = [](std::int64_t channels, std::int64_t size, std::int64_t stride = 1) {
    const TensorType x{DType::f32, {1, channels, size, size}, Layout::blocked};
    const TensorType y{DType::f32, {1, channels, size / stride, size / stride}, Layout::blocked};
    const ConvolutionAttributes attributes{{{3, 3}, {stride, stride}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};
    return cpu::winograd_tile(attributes, x, y);
  };
  if (!cpu::has_winograd()) GTEST_SKIP() << "this CPU has no AVX-512";
  EXPECT_EQ(tile(64, 56), cpu::Tile::four);
  EXPECT_EQ(tile(16, 32), cpu::Tile::four);
  EXPECT_EQ(tile(256, 14), cpu::Tile::two) << "wide weights, few tiles";
  EXPECT_EQ(tile(512, 28), cpu::Tile::four) << "wide weights, many tiles";
  EXPECT_FALSE(tile(512, 7)) << "wider weights, fewer tiles";
  EXPECT_FALSE(tile(64, 56, 2)) << "strided";
  EXPECT_FALSE(tile(24, 56)) << "half a block of channels";
}

}  // namespace
}  // namespace mho::kernels::testing
