// Invariant: a device that may use Winograd's algorithm gives the reference's convolutions and adjoints to float
// rounding.
#include <gtest/gtest.h>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/winograd.h"
#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 2e-5;
const ConvolutionAttributes kThreeByThree{{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};

struct Case {
  Shape x, w, y;
};

Case draw_case() {
  const std::int64_t images = draw(1, 3), in = draw_one<std::int64_t>({32, 48, 64, 80}),
                     out = draw_one<std::int64_t>({32, 64, 96}), height = draw(13, 18), width = draw(13, 18);
  return {{images, in, height, width}, {out, in, 3, 3}, {images, out, height, width}};
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

TEST(CpuWinograd, EqualsReference) {
  EXPECT_TRUE(rc::check("forward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Pair x = bench.random(c.x, Layout::blocked), residual = bench.random(c.y, Layout::blocked);
    const Pair bias = bench.random({c.y[1]}), y = bench.output(c.y, Layout::blocked);
    Pair w = bench.random(c.w);
    w.cpu.constant = true;
    const bool with_residual = *rc::gen::arbitrary<bool>();
    const bool relu = *rc::gen::arbitrary<bool>();
    run_both([&](Device& device, Workspace& workspace, const Pick& pick) {
      const Epilogue epilogue{&pick(bias), with_residual ? &pick(residual) : nullptr, relu};
      device.convolution(workspace, kThreeByThree, pick(x), pick(w), pick(y), epilogue);
    });
    bench.expect_equal(y, kTolerance, "y", static_cast<double>(c.x[1]));
  }));
}

TEST(CpuWinograd, AdjointEqualsReference) {
  EXPECT_TRUE(rc::check("backward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Pair gy = bench.random(c.y, Layout::blocked), gx = bench.output(c.x, Layout::blocked);
    Pair w = bench.random(c.w);
    w.cpu.constant = true;
    run_both([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.convolution_vjp_data(workspace, kThreeByThree, pick(gy), pick(w), pick(gx));
    });
    bench.expect_equal(gx, kTolerance, "gx", static_cast<double>(c.y[1]));
  }));
}

TEST(CpuWinograd, IsUsedWhereItPaysAndNowhereElse) {
  const auto type = [](std::int64_t channels, std::int64_t size) {
    return TensorType{DType::f32, {1, channels, size, size}, Layout::blocked};
  };
  EXPECT_TRUE(cpu::winograd_pays(kThreeByThree, type(64, 56), type(64, 56)));
  EXPECT_FALSE(cpu::winograd_pays(kThreeByThree, type(16, 32), type(16, 32))) << "few channels";
  EXPECT_FALSE(cpu::winograd_pays(kThreeByThree, type(512, 7), type(512, 7))) << "wide weights, few tiles";
  ConvolutionAttributes strided = kThreeByThree;
  strided.window.strides = {2, 2};
  EXPECT_FALSE(cpu::winograd_pays(strided, type(64, 56), type(64, 28)));
}

}  // namespace
}  // namespace mho::kernels::testing
