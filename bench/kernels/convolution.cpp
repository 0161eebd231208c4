// Speed of ResNet-50's convolutions on the CPU device: forward and adjoint, in GFLOP/s.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "kernels/device.h"

namespace {

using namespace mho::kernels;

struct Layer {
  std::int64_t in, size, out, kernel, stride, groups;
};

/// Distinct convolutions of ResNet-50, then one depthwise and two grouped ones.
const std::vector<Layer> kLayers{
    {3, 224, 64, 7, 2, 1},     {64, 56, 64, 1, 1, 1},    {64, 56, 64, 3, 1, 1},    {64, 56, 256, 1, 1, 1},
    {256, 56, 64, 1, 1, 1},    {256, 56, 128, 1, 1, 1},  {128, 56, 128, 3, 2, 1},  {128, 28, 512, 1, 1, 1},
    {256, 56, 512, 1, 2, 1},   {512, 28, 128, 1, 1, 1},  {128, 28, 128, 3, 1, 1},  {512, 28, 256, 1, 1, 1},
    {256, 28, 256, 3, 2, 1},   {256, 14, 1024, 1, 1, 1}, {512, 28, 1024, 1, 2, 1}, {1024, 14, 256, 1, 1, 1},
    {256, 14, 256, 3, 1, 1},   {1024, 14, 512, 1, 1, 1}, {512, 14, 512, 3, 2, 1},  {512, 7, 2048, 1, 1, 1},
    {1024, 14, 2048, 1, 2, 1}, {2048, 7, 512, 1, 1, 1},  {512, 7, 512, 3, 1, 1},   {96, 56, 96, 3, 1, 96},
    {128, 56, 128, 3, 1, 32},  {512, 14, 512, 3, 1, 32}, {1, 28, 32, 3, 1, 1},     {4, 64, 32, 5, 1, 1},
    {32, 28, 10, 3, 1, 1},
};

enum Direction : std::int64_t { kForward, kForwardResidual, kBackward };

void convolution(benchmark::State& state) {
  const Layer& l = kLayers[static_cast<std::size_t>(state.range(0))];
  const std::int64_t n = state.range(1);
  const std::int64_t direction = state.range(2);
  const auto device = make_cpu_device(static_cast<int>(state.range(3)));
  const std::int64_t pad = l.kernel / 2;
  const std::int64_t size = (l.size + 2 * pad - l.kernel) / l.stride + 1;
  const ConvolutionAttributes attributes{
      {{l.kernel, l.kernel}, {l.stride, l.stride}, {1, 1}, {pad, pad}, {pad, pad}, {}}, l.groups};
  const mho::Shape x_shape{n, l.in, l.size, l.size};
  const mho::Shape w_shape{l.out, l.in / l.groups, l.kernel, l.kernel};
  const mho::Shape y_shape{n, l.out, size, size};
  const Layout layout = device->convolution_layout(attributes, x_shape, w_shape);
  const Layout x_layout = l.in <= 4 ? Layout::plain : layout;

  Scratch memory;
  const auto tensor = [&](const mho::Shape& shape, Layout in_layout) {
    const TensorType type{DType::f32, shape, in_layout};
    Tensor t{type, memory.take(type.bytes()), false};
    std::fill(t.as<float>().begin(), t.as<float>().end(), 0.5F);
    return t;
  };
  const Tensor x = tensor(x_shape, x_layout);
  const Tensor y = tensor(y_shape, layout);
  const Tensor residual = tensor(y_shape, layout);
  const Tensor bias = tensor({l.out}, Layout::plain);
  Tensor w = tensor(w_shape, Layout::plain);
  w.constant = true;
  Scratch scratch;
  Workspace workspace(scratch);
  const Epilogue epilogue{&bias, direction == kForwardResidual ? &residual : nullptr, true};
  for ([[maybe_unused]] auto _ : state) {
    workspace.begin();
    if (direction == kBackward) {
      device->convolution_vjp_data(workspace, attributes, y, w, x);
    } else {
      device->convolution(workspace, attributes, x, w, y, epilogue);
    }
  }
  const double flops = 2.0 * static_cast<double>(n * l.out * size * size * (l.in / l.groups) * l.kernel * l.kernel);
  state.counters["GFLOP/s"] =
      benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
  state.SetLabel(std::to_string(l.in) + "x" + std::to_string(l.size) + " -> " + std::to_string(l.out) + " k" +
                 std::to_string(l.kernel) + " s" + std::to_string(l.stride) + " g" + std::to_string(l.groups) +
                 (layout == Layout::blocked ? " blocked" : " plain"));
}

void all_layers(benchmark::internal::Benchmark* bench) {
  for (const std::int64_t direction : {kForward, kForwardResidual, kBackward}) {
    for (std::size_t i = 0; i < kLayers.size(); ++i) {
      bench->Args({static_cast<std::int64_t>(i), 4, direction, 0});
    }
  }
}

BENCHMARK(convolution)->Apply(all_layers)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
