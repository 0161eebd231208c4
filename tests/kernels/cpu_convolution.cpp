// Invariant: convolutions on the CPU device equal the reference to float rounding, whatever the attributes, layouts,
// epilogue and constness of the weights; and ResNet-50's run in generated kernels.
#include <gtest/gtest.h>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 1e-5;
constexpr double kTerms = 1;  // products of two numbers below 2

struct Case {
  ConvolutionAttributes attributes;
  Shape x, w, y;
};

Case draw_case() {
  Case c;
  const auto spatial = static_cast<std::size_t>(draw_one({1, 2, 2, 2, 3}));
  const std::int64_t groups = draw_one<std::int64_t>({1, 1, 1, 2, 4, 32});
  const std::int64_t in =
      groups * (groups == 1 ? draw_one<std::int64_t>({1, 3, 4, 8, 16, 20, 32, 48})
                            : draw_one<std::int64_t>(groups == 32 ? std::initializer_list<std::int64_t>{1, 4}
                                                                  : std::initializer_list<std::int64_t>{1, 4, 5, 16}));
  const std::int64_t out =
      groups * (groups == 1 ? draw_one<std::int64_t>({1, 5, 8, 16, 24, 32, 64})
                            : draw_one<std::int64_t>(groups == 32 ? std::initializer_list<std::int64_t>{1, 2, 4}
                                                                  : std::initializer_list<std::int64_t>{1, 2, 4, 16}));
  c.attributes.groups = groups;
  c.x = {draw(1, 3), in};
  c.w = {out, in / groups};
  c.y = {c.x[0], out};
  Window& w = c.attributes.window;
  for (std::size_t i = 0; i < spatial; ++i) {
    w.kernel.push_back(draw(1, 4));
    w.strides.push_back(draw(1, 3));
    w.dilations.push_back(draw_one<std::int64_t>({1, 1, 2}));
    const std::int64_t span = w.dilations[i] * (w.kernel[i] - 1) + 1;
    w.pads_begin.push_back(draw(0, std::min<std::int64_t>(span - 1, 2)));
    w.pads_end.push_back(draw(0, std::min<std::int64_t>(span - 1, 2)));
    c.x.push_back(draw(span, spatial == 3 ? 7 : 15));
    c.w.push_back(w.kernel[i]);
    c.y.push_back((c.x.back() + w.pads_begin[i] + w.pads_end[i] - span) / w.strides[i] + 1);
  }
  return c;
}

TEST(CpuConvolution, EqualsReference) {
  EXPECT_TRUE(rc::check("forward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Layout layout = bench.cpu().convolution_layout(c.attributes, c.x, c.w);
    const bool plain_x = *rc::gen::arbitrary<bool>();
    const Pair x = bench.random(c.x, plain_x ? Layout::plain : layout);
    Pair w = bench.random(c.w);
    w.cpu.constant = *rc::gen::arbitrary<bool>();
    const Pair bias = bench.random({c.y[1]});
    const Pair residual = bench.random(c.y, layout);
    const Pair y = bench.output(c.y, layout);
    const bool with_bias = *rc::gen::arbitrary<bool>();
    const bool with_residual = *rc::gen::arbitrary<bool>();
    const bool relu = *rc::gen::arbitrary<bool>();
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      const Epilogue epilogue{with_bias ? &pick(bias) : nullptr, with_residual ? &pick(residual) : nullptr, relu};
      device.convolution(workspace, c.attributes, pick(x), pick(w), pick(y), epilogue);
    });
    bench.expect_equal(y, kTolerance, "y", kTerms);
  }));
}

TEST(CpuConvolution, ResidualMayBeTheOutput) {
  EXPECT_TRUE(rc::check("in place", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Layout layout = bench.cpu().convolution_layout(c.attributes, c.x, c.w);
    const Pair x = bench.random(c.x, layout);
    const Pair w = bench.random(c.w);
    const Pair y = bench.random(c.y, layout);
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) {
          device.convolution(workspace, c.attributes, pick(x), pick(w), pick(y), {nullptr, &pick(y), true});
        },
        true);
    bench.expect_equal(y, kTolerance, "y", kTerms);
  }));
}

TEST(CpuConvolution, AdjointEqualsReference) {
  EXPECT_TRUE(rc::check("backward", [] {
    const Case c = draw_case();
    Bench bench(draw_seed());
    const Layout layout = bench.cpu().convolution_layout(c.attributes, c.x, c.w);
    const bool plain_x = *rc::gen::arbitrary<bool>();
    const Pair gy = bench.random(c.y, layout);
    Pair w = bench.random(c.w);
    w.cpu.constant = *rc::gen::arbitrary<bool>();
    const Pair gx = bench.output(c.x, plain_x ? Layout::plain : layout);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.convolution_vjp_data(workspace, c.attributes, pick(gy), pick(w), pick(gx));
    });
    bench.expect_equal(gx, kTolerance, "gx", kTerms);
  }));
}

// Few channels, plain, behind strides: done as one dense convolution of all phases.
TEST(CpuConvolution, AdjointOfFirstLayersEqualsReference) {
  EXPECT_TRUE(rc::check("backward", [] {
    Case c;
    c.x = {draw(1, 2), draw(1, 4)};
    c.w = {draw_one<std::int64_t>({16, 24, 32}), c.x[1]};
    c.y = {c.x[0], c.w[0]};
    Window& w = c.attributes.window;
    const std::int64_t axes = draw(1, 3);
    for (std::int64_t i = 0; i < axes; ++i) {
      w.kernel.push_back(draw(1, axes == 3 ? 4 : 7));
      w.strides.push_back(draw(1, axes == 3 ? 2 : 4));
      w.dilations.push_back(1);
      w.pads_begin.push_back(draw(0, w.kernel.back() - 1));
      w.pads_end.push_back(draw(0, w.kernel.back() - 1));
      c.x.push_back(draw(w.kernel.back(), axes == 3 ? 8 : 20));
      c.w.push_back(w.kernel.back());
      c.y.push_back((c.x.back() + w.pads_begin.back() + w.pads_end.back() - w.kernel.back()) / w.strides.back() + 1);
    }
    Bench bench(draw_seed());
    const Pair gy = bench.random(c.y, Layout::blocked);
    Pair weights = bench.random(c.w);
    weights.cpu.constant = *rc::gen::arbitrary<bool>();
    const Pair gx = bench.output(c.x);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.convolution_vjp_data(workspace, c.attributes, pick(gy), pick(weights), pick(gx));
    });
    bench.expect_equal(gx, kTolerance, "gx", kTerms);
  }));
}

struct Layer {
  std::int64_t in, size, out, kernel, stride;
};

TEST(CpuConvolution, ResNet50RunsInGeneratedKernels) {
  const CpuDevice device(0);
  // Without AVX-512 some backward kernels multiply matrices instead; reference loops would be a mistake anywhere.
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  constexpr auto kAvx512 = static_cast<unsigned>(dnnl::cpu_isa::avx512_core);
  const bool has_avx512 = (isa & kAvx512) == kAvx512;
  for (const Layer& l : std::initializer_list<Layer>{
           {3, 224, 64, 7, 2},     {64, 56, 64, 1, 1},    {64, 56, 64, 3, 1},    {64, 56, 256, 1, 1},
           {256, 56, 64, 1, 1},    {256, 56, 128, 1, 1},  {128, 56, 128, 3, 2},  {128, 28, 512, 1, 1},
           {256, 56, 512, 1, 2},   {512, 28, 128, 1, 1},  {128, 28, 128, 3, 1},  {512, 28, 256, 1, 1},
           {256, 28, 256, 3, 2},   {256, 14, 1024, 1, 1}, {512, 28, 1024, 1, 2}, {1024, 14, 256, 1, 1},
           {256, 14, 256, 3, 1},   {1024, 14, 512, 1, 1}, {512, 14, 512, 3, 2},  {512, 7, 2048, 1, 1},
           {1024, 14, 2048, 1, 2}, {2048, 7, 512, 1, 1},  {512, 7, 512, 3, 1}}) {
    for (const std::int64_t n : {1, 4}) {
      const std::int64_t pad = l.kernel / 2;
      const std::int64_t size = (l.size + 2 * pad - l.kernel) / l.stride + 1;
      const ConvolutionAttributes attributes{
          {{l.kernel, l.kernel}, {l.stride, l.stride}, {1, 1}, {pad, pad}, {pad, pad}, {}}, 1};
      const Shape w{l.out, l.in, l.kernel, l.kernel};
      const Layout layout = device.convolution_layout(attributes, {n, l.in, l.size, l.size}, w);
      const TensorType x{DType::f32, {n, l.in, l.size, l.size}, l.in == 3 ? Layout::plain : layout};
      const TensorType y{DType::f32, {n, l.out, size, size}, layout};
      for (const bool backward : {false, true}) {
        const std::string name = device.convolution_implementation(attributes, x, w, y, backward);
        const bool good = has_avx512 ? cpu::is_fast(name) : name.find("ref") == std::string::npos;
        EXPECT_TRUE(good) << l.in << "x" << l.size << " to " << l.out << ", kernel " << l.kernel
                          << (backward ? ", backward: " : ", forward: ") << name;
        RecordProperty("in" + std::to_string(l.in) + "_size" + std::to_string(l.size) + "_out" + std::to_string(l.out) +
                           "_kernel" + std::to_string(l.kernel) + (backward ? "_backward" : "_forward"),
                       name);
      }
    }
  }
}

}  // namespace
}  // namespace mho::kernels::testing
