// Speed of the memory-bound verbs and matrix products of the CPU device, in GB/s touched or GFLOP/s.
#include <benchmark/benchmark.h>

#include <cmath>
#include <deque>
#include <functional>
#include <string>

#include "kernels/device.h"

namespace {

using namespace mho::kernels;

/// The machinery around one verb: device, workspace and tensors that live as long as it does.
class Stage {
 public:
  Tensor tensor(const mho::Shape& shape, Layout layout = Layout::plain, DType dtype = DType::f32) {
    const TensorType type{dtype, shape, layout};
    const Tensor t{type, memory_.emplace_back(dtype, mho::Shape{type.stored_elements()}).bytes().data(), false};
    if (dtype == DType::f32) {
      float value = -1.0F;
      for (float& v : t.as<float>()) v = value = value > 1.0F ? -1.0F : value + 0.013F;
    }
    return t;
  }
  template <class Verb>
  void run(benchmark::State& state, const std::string& counter, double amount, Verb&& verb) {
    for ([[maybe_unused]] auto _ : state) {
      workspace_.begin();
      verb(*device_, workspace_);
    }
    state.counters[counter] =
        benchmark::Counter(amount * 1e-9, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000);
  }

 private:
  std::unique_ptr<Device> device_ = make_cpu_device(0);
  std::deque<mho::Array> memory_;
  Scratch scratch_;
  Workspace workspace_{scratch_};
};

const mho::Shape kImage{4, 64, 56, 56};
constexpr double kImageBytes = 4.0 * 4 * 64 * 56 * 56;

void unary(benchmark::State& state, UnaryFunction f) {
  Stage stage;
  const Tensor x = stage.tensor(kImage, Layout::blocked);
  const Tensor y = stage.tensor(kImage, Layout::blocked);
  stage.run(state, "GB/s", 2 * kImageBytes, [&](Device& d, Workspace& w) { d.unary(w, f, x, y); });
}
BENCHMARK_CAPTURE(unary, relu, UnaryFunction{Unary::relu})->UseRealTime();
BENCHMARK_CAPTURE(unary, exp, UnaryFunction{Unary::exp})->UseRealTime();
BENCHMARK_CAPTURE(unary, sigmoid, UnaryFunction{Unary::sigmoid})->UseRealTime();
BENCHMARK_CAPTURE(unary, tanh, UnaryFunction{Unary::tanh})->UseRealTime();
BENCHMARK_CAPTURE(unary, gelu_erf, kGelu)->UseRealTime();
BENCHMARK_CAPTURE(unary, log, UnaryFunction{Unary::log})->UseRealTime();
BENCHMARK_CAPTURE(unary, softplus, UnaryFunction{Unary::softplus})->UseRealTime();

void unary_vjp(benchmark::State& state, UnaryFunction f) {
  Stage stage;
  const Tensor x = stage.tensor(kImage, Layout::blocked);
  const Tensor y = stage.tensor(kImage, Layout::blocked);
  stage.run(state, "GB/s", 3 * kImageBytes, [&](Device& d, Workspace& w) { d.unary_vjp(w, f, x, x, y, y); });
}
BENCHMARK_CAPTURE(unary_vjp, relu, UnaryFunction{Unary::relu})->UseRealTime();
BENCHMARK_CAPTURE(unary_vjp, gelu_erf, kGelu)->UseRealTime();

void binary(benchmark::State& state, const mho::Shape& a_shape, const mho::Shape& b_shape, Layout layout) {
  Stage stage;
  const Tensor a = stage.tensor(a_shape, layout);
  const Tensor b = stage.tensor(b_shape, a_shape == b_shape ? layout : Layout::plain);
  const Tensor y = stage.tensor(a_shape, layout);
  const double bytes = 4.0 * static_cast<double>(2 * a.type.elements() + b.type.elements());
  stage.run(state, "GB/s", bytes, [&](Device& d, Workspace& w) { d.binary(w, Binary::mul, a, b, y); });
}
BENCHMARK_CAPTURE(binary, equal, kImage, kImage, Layout::blocked)->UseRealTime();
BENCHMARK_CAPTURE(binary, per_channel_blocked, kImage, mho::Shape{1, 64, 1, 1}, Layout::blocked)->UseRealTime();
BENCHMARK_CAPTURE(binary, per_channel_plain, kImage, mho::Shape{1, 64, 1, 1}, Layout::plain)->UseRealTime();
BENCHMARK_CAPTURE(binary, last_axis, mho::Shape{512, 768}, mho::Shape{768}, Layout::plain)->UseRealTime();
BENCHMARK_CAPTURE(binary, per_row, mho::Shape{512, 768}, mho::Shape{512, 1}, Layout::plain)->UseRealTime();

void accumulate_path(benchmark::State& state) {
  Stage stage;
  const Tensor g0 = stage.tensor(kImage), g1 = stage.tensor(kImage), y0 = stage.tensor(kImage),
               y1 = stage.tensor(kImage), acc = stage.tensor(kImage, Layout::plain, DType::f64);
  stage.run(state, "GB/s", 8 * kImageBytes,
            [&](Device& d, Workspace&) { d.accumulate_path(0.5, g0, 0.5, g1, y0, y1, acc); });
}
BENCHMARK(accumulate_path)->UseRealTime();

void pooling(benchmark::State& state, Layout layout, bool backward) {
  Stage stage;
  const Window window{{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, {}};
  const mho::Shape x_shape{4, 64, 112, 112};
  const Tensor x = stage.tensor(x_shape, layout);
  const Tensor y = stage.tensor(kImage, layout);
  const Tensor winner = stage.tensor(kImage, layout, DType::i32);
  stage.run(state, "GB/s", 4 * kImageBytes + 2 * kImageBytes, [&](Device& d, Workspace& w) {
    if (backward) {
      d.pool_max_vjp(w, window, y, winner, x);
    } else {
      d.pool_max(w, window, x, y, winner);
    }
  });
}
BENCHMARK_CAPTURE(pooling, max_blocked, Layout::blocked, false)->UseRealTime();
BENCHMARK_CAPTURE(pooling, max_plain, Layout::plain, false)->UseRealTime();
BENCHMARK_CAPTURE(pooling, max_blocked_vjp, Layout::blocked, true)->UseRealTime();
BENCHMARK_CAPTURE(pooling, max_plain_vjp, Layout::plain, true)->UseRealTime();

void reduce(benchmark::State& state, const mho::Shape& x_shape, const mho::Shape& y_shape) {
  Stage stage;
  const Tensor x = stage.tensor(x_shape);
  const Tensor y = stage.tensor(y_shape);
  stage.run(state, "GB/s", 4.0 * static_cast<double>(x.type.elements()),
            [&](Device& d, Workspace& w) { d.reduce(w, ReduceKind::mean, x, y); });
}
BENCHMARK_CAPTURE(reduce, spatial, kImage, mho::Shape{4, 64, 1, 1})->UseRealTime();
BENCHMARK_CAPTURE(reduce, last_axis, mho::Shape{512, 768}, mho::Shape{512, 1})->UseRealTime();
BENCHMARK_CAPTURE(reduce, first_axis, mho::Shape{512, 768}, mho::Shape{1, 768})->UseRealTime();

void softmax(benchmark::State& state, bool backward) {
  Stage stage;
  const Tensor x = stage.tensor({4, 12, 128, 128});
  const Tensor y = stage.tensor({4, 12, 128, 128});
  stage.run(state, "GB/s", 8.0 * static_cast<double>(x.type.elements()), [&](Device& d, Workspace& w) {
    if (backward) {
      d.softmax_vjp(w, x, x, 3, y);
    } else {
      d.softmax(w, x, 3, y);
    }
  });
}
BENCHMARK_CAPTURE(softmax, forward, false)->UseRealTime();
BENCHMARK_CAPTURE(softmax, backward, true)->UseRealTime();

void relayout(benchmark::State& state, Layout from, Layout to) {
  Stage stage;
  const Tensor x = stage.tensor(kImage, from);
  const Tensor y = stage.tensor(kImage, to);
  stage.run(state, "GB/s", 2 * kImageBytes, [&](Device& d, Workspace& w) { d.copy(w, x, y); });
}
BENCHMARK_CAPTURE(relayout, to_blocked, Layout::plain, Layout::blocked)->UseRealTime();
BENCHMARK_CAPTURE(relayout, to_plain, Layout::blocked, Layout::plain)->UseRealTime();

void transpose(benchmark::State& state, const mho::Shape& shape, const mho::Shape& permutation) {
  Stage stage;
  mho::Shape y_shape;
  for (const auto axis : permutation) y_shape.push_back(shape[static_cast<std::size_t>(axis)]);
  const Tensor x = stage.tensor(shape);
  const Tensor y = stage.tensor(y_shape);
  stage.run(state, "GB/s", 8.0 * static_cast<double>(x.type.elements()),
            [&](Device& d, Workspace& w) { d.transpose(w, x, permutation, y); });
}
BENCHMARK_CAPTURE(transpose, attention_heads, mho::Shape{4, 128, 12, 64}, mho::Shape{0, 2, 1, 3})->UseRealTime();
BENCHMARK_CAPTURE(transpose, matrix, mho::Shape{768, 512}, mho::Shape{1, 0})->UseRealTime();

/// Arguments: rows, inner, columns, batch (0: one constant matrix), transpose_b.
void matmul(benchmark::State& state) {
  Stage stage;
  const std::int64_t m = state.range(0), k = state.range(1), n = state.range(2), batch = state.range(3);
  const bool transpose_b = state.range(4) != 0;
  const auto shape = [&](std::int64_t rows, std::int64_t columns) {
    return batch > 0 ? mho::Shape{batch, rows, columns} : mho::Shape{rows, columns};
  };
  const Tensor a = stage.tensor(shape(m, k));
  Tensor b = stage.tensor(transpose_b ? shape(n, k) : shape(k, n));
  b.constant = batch == 0;
  const Tensor y = stage.tensor(shape(m, n));
  const double flops = 2.0 * static_cast<double>(std::max<std::int64_t>(batch, 1) * m * k * n);
  stage.run(state, "GFLOP/s", flops, [&](Device& d, Workspace& w) { d.matmul(w, {false, transpose_b}, a, b, y, {}); });
}
BENCHMARK(matmul)
    ->Args({1, 2048, 1000, 0, 0})
    ->Args({4, 2048, 1000, 0, 0})
    ->Args({64, 2048, 1000, 0, 0})
    ->Args({64, 1000, 2048, 0, 1})
    ->Args({512, 768, 3072, 0, 0})
    ->Args({512, 3072, 768, 0, 1})
    ->Args({64, 784, 100, 0, 0})
    ->Args({128, 64, 128, 48, 1})
    ->Args({128, 128, 64, 48, 0})
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
