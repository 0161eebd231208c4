// Invariant: what the CPU device computes does not depend on its number of threads, on how many examples run together,
// or on who else uses the device at the same time.
#include "kernels/cpu/cpu_device.h"

#include <gtest/gtest.h>

#include <thread>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

/// Tensors over arrays of their own, with reproducible contents.
class Tensors {
 public:
  Tensor make(const Shape& shape, Layout layout = Layout::plain, DType dtype = DType::f32) {
    const TensorType type{dtype, shape, layout};
    Array& array = memory_.emplace_back(dtype, Shape{type.stored_elements()});
    std::vector<double> numbers(static_cast<std::size_t>(type.elements()));
    std::uniform_real_distribution<float> distribution(-1, 1);
    for (auto& number : numbers) number = distribution(random_);
    const Tensor tensor{type, array.bytes().data(), false};
    set_values(tensor, numbers);
    return tensor;
  }

 private:
  std::deque<Array> memory_;
  std::mt19937 random_{7};
};

const ConvolutionAttributes kConvolution{{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};

/// Convolution, ReLU, pooling, matmul, softmax and a reduction, forward and back, on `images` pictures.
std::vector<std::vector<double>> network(Device& device, std::int64_t images, bool constant) {
  Tensors tensors;
  Scratch scratch;
  Workspace ws(scratch);
  Tensor w = tensors.make({64, 32, 3, 3});
  Tensor dense = tensors.make({64, 100});
  w.constant = dense.constant = constant;
  const Tensor bias = tensors.make({64});
  const Layout layout = device.convolution_layout(kConvolution, {images, 32, 28, 28}, w.shape());
  // The first picture is the same whatever their number.
  const Tensor x = tensors.make({images, 32, 28, 28}, layout);
  const Tensor y = tensors.make({images, 64, 28, 28}, layout);
  const Tensor pooled = tensors.make({images, 64, 14, 14}, layout);
  const Tensor plain = tensors.make({images, 64, 14, 14});
  const Tensor winner = tensors.make({images, 64, 14, 14}, layout, DType::i32);
  const Tensor mean = tensors.make({images, 64, 1, 1});
  const Tensor scores = tensors.make({images, 100});
  const Tensor probabilities = tensors.make({images, 100});
  const Tensor gy = tensors.make({images, 64, 28, 28}, layout);
  const Tensor gx = tensors.make({images, 32, 28, 28}, layout);
  const Tensor acc = tensors.make({images, 32, 28, 28}, layout, DType::f64);
  const Window window{{2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, {}};
  for (int run = 0; run < 2; ++run) {
    ws.begin();
    device.fill(acc, 0);
    device.convolution(ws, kConvolution, x, w, y, {&bias, nullptr, true});
    device.pool_max(ws, window, y, pooled, winner);
    device.copy(ws, pooled, plain);
    device.reduce(ws, ReduceKind::mean, plain, mean);
    device.matmul(ws, {}, mean.reshaped({images, 64}), dense, scores, {});
    device.softmax(ws, scores, 1, probabilities);
    device.pool_max_vjp(ws, window, pooled, winner, gy);
    device.unary_vjp(ws, {Unary::relu}, {}, y, gy, gy);
    device.convolution_vjp_data(ws, kConvolution, gy, w, gx);
    device.accumulate_path(0.5, gx, 0.5, x, x, gx, acc);
  }
  std::vector<std::vector<double>> results;
  for (const Tensor& t : {y, mean, probabilities, gx, acc}) {
    auto numbers = values(t);
    numbers.resize(numbers.size() / static_cast<std::size_t>(images));
    results.push_back(std::move(numbers));
  }
  return results;
}

void expect_same(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    ASSERT_EQ(a[k].size(), b[k].size());
    double largest = 0;
    double difference = 0;
    for (std::size_t i = 0; i < a[k].size(); ++i) {
      largest = std::max(largest, std::abs(a[k][i]));
      difference = std::max(difference, std::abs(a[k][i] - b[k][i]));
    }
    EXPECT_LE(difference, 1e-6 * largest) << "tensor " << k;
  }
}

TEST(CpuDevice, ResultsDoNotDependOnTheNumberOfThreads) {
  const auto one = make_cpu_device(1);
  const auto two = make_cpu_device(2);
  const auto three = make_cpu_device(3);
  const auto expected = network(*one, 3, true);
  expect_same(expected, network(*two, 3, true));
  expect_same(expected, network(*three, 3, true));
}

TEST(CpuDevice, ConstantWeightsGiveTheSameAsOthers) {
  const auto device = make_cpu_device({.threads = 2, .winograd = false});  // others have no other algorithm
  expect_same(network(*device, 2, true), network(*device, 2, false));
}

TEST(CpuDevice, MayBeUsedFromSeveralThreads) {
  const auto device = make_cpu_device(2);
  const auto expected = network(*device, 2, true);
  std::vector<std::vector<std::vector<double>>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 3; ++i) result = network(*device, 2, true);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) expect_same(expected, result);
}

TEST(CpuDevice, ExamplesDoNotSeeEachOther) {
  const auto device = make_cpu_device(2);
  const ConvolutionAttributes& attributes = kConvolution;
  Tensors tensors;
  Scratch scratch;
  const Tensor w = tensors.make({32, 16, 3, 3});
  const Tensor x = tensors.make({5, 16, 9, 9}, Layout::blocked);
  const Tensor y = tensors.make({5, 32, 9, 9}, Layout::blocked);
  Workspace together(scratch);
  device->convolution(together, attributes, x, w, y, {});
  const Tensor single = tensors.make({1, 32, 9, 9}, Layout::blocked);
  for (std::int64_t n = 0; n < 5; ++n) {
    Workspace alone(scratch);
    const Tensor one{{DType::f32, {1, 16, 9, 9}, Layout::blocked}, x.data + n * 16 * 81 * 4, false};
    device->convolution(alone, attributes, one, w, single, {});
    const Tensor batch{single.type, y.data + n * 32 * 81 * 4, false};
    expect_same({values(batch)}, {values(single)});
  }
}

TEST(PackedWeights, AreSharedWhileSomebodyUsesThem) {
  cpu::PackedWeights cache;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const std::vector<float> weights(6, 1.0F);
  const auto from = cpu::describe({DType::f32, {2, 3}, Layout::plain});
  int packings = 0;
  const auto get = [&](std::int64_t variant) {
    return cache.find_or_pack(engine, weights.data(), from, from, variant, [&](void*) { ++packings; });
  };
  auto first = get(0);
  const auto second = get(0);
  EXPECT_EQ(first, second);
  EXPECT_EQ(packings, 1);
  EXPECT_NE(get(1), first);
  EXPECT_EQ(packings, 2);
  EXPECT_NE(get(1), nullptr);
  EXPECT_EQ(packings, 3) << "nobody held the second packing any more";
}

}  // namespace
}  // namespace mho::kernels::testing
