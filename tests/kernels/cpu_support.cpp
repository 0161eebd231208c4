// Runs one verb on the reference device and on the CPU device with the same numbers and compares what they wrote.
#include "kernels/cpu_support.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace mho::kernels::testing {

namespace {

constexpr std::byte kGuard{0x5A};
constexpr std::size_t kGuardBytes = 128;

/// Where the logical element `index` of a row-major order lies in memory.
std::int64_t stored_index(const TensorType& type, std::int64_t index) {
  if (type.layout == Layout::plain) return index;
  std::int64_t points = 1;
  for (std::size_t axis = 2; axis < type.shape.size(); ++axis) points *= type.shape[axis];
  const std::int64_t channels = type.shape[1];
  const std::int64_t blocks = (channels + 15) / 16;
  const std::int64_t point = index % points;
  const std::int64_t channel = index / points % channels;
  const std::int64_t image = index / points / channels;
  return ((image * blocks + channel / 16) * points + point) * 16 + channel % 16;
}

double stored(const Tensor& tensor, std::int64_t at) {
  const auto i = static_cast<std::size_t>(at);
  switch (tensor.dtype()) {
    case DType::f32:
      return tensor.as<float>()[i];
    case DType::f64:
      return tensor.as<double>()[i];
    case DType::i64:
      return static_cast<double>(tensor.as<std::int64_t>()[i]);
    case DType::i32:
      return tensor.as<std::int32_t>()[i];
    default:
      return tensor.as<bool>()[i] ? 1 : 0;
  }
}

void store(const Tensor& tensor, std::int64_t at, double value) {
  const auto i = static_cast<std::size_t>(at);
  switch (tensor.dtype()) {
    case DType::f32:
      tensor.as<float>()[i] = static_cast<float>(value);
      break;
    case DType::f64:
      tensor.as<double>()[i] = value;
      break;
    case DType::i64:
      tensor.as<std::int64_t>()[i] = static_cast<std::int64_t>(value);
      break;
    case DType::i32:
      tensor.as<std::int32_t>()[i] = static_cast<std::int32_t>(value);
      break;
    default:
      tensor.as<bool>()[i] = value != 0;
  }
}

}  // namespace

std::vector<double> values(const Tensor& tensor) {
  std::vector<double> result(static_cast<std::size_t>(tensor.type.elements()));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = stored(tensor, stored_index(tensor.type, static_cast<std::int64_t>(i)));
  }
  return result;
}

void set_values(const Tensor& tensor, const std::vector<double>& numbers) {
  std::memset(tensor.data, 0, tensor.type.bytes());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    store(tensor, stored_index(tensor.type, static_cast<std::int64_t>(i)), numbers[i]);
  }
}

Shape draw_shape(std::size_t rank, std::int64_t low, std::int64_t high) {
  Shape shape(rank);
  for (auto& extent : shape) extent = draw(low, high);
  return shape;
}

Bench::Bench(unsigned seed, int threads, bool bfloat16)
    : reference_(make_reference_device()),
      cpu_(make_cpu_device({.threads = threads, .bfloat16 = bfloat16})),
      random_(seed) {}

Tensor Bench::allocate(const TensorType& type) {
  const std::size_t bytes = type.bytes() + kGuardBytes;
  Array& array = memory_.emplace_back(DType::b8, Shape{static_cast<std::int64_t>(bytes)});
  std::ranges::fill(array.bytes(), kGuard);
  return {type, array.bytes().data(), false};
}

Pair Bench::random(const Shape& shape, Layout layout, double low, double high) {
  Pair pair{allocate({DType::f64, shape, Layout::plain}), allocate({DType::f32, shape, layout})};
  std::vector<double> numbers(static_cast<std::size_t>(element_count(shape)));
  std::uniform_real_distribution<float> distribution(static_cast<float>(low), static_cast<float>(high));
  for (auto& number : numbers) number = distribution(random_);
  set_values(pair.reference, numbers);
  set_values(pair.cpu, numbers);
  return pair;
}

Pair Bench::integers(DType dtype, const Shape& shape, std::int64_t low, std::int64_t high, Layout layout) {
  Pair pair{allocate({dtype, shape, Layout::plain}), allocate({dtype, shape, layout})};
  std::vector<double> numbers(static_cast<std::size_t>(element_count(shape)));
  std::uniform_int_distribution<std::int64_t> distribution(low, high);
  for (auto& number : numbers) number = static_cast<double>(distribution(random_));
  set_values(pair.reference, numbers);
  set_values(pair.cpu, numbers);
  return pair;
}

Pair Bench::output(const Shape& shape, Layout layout, DType dtype) {
  const bool real = dtype == DType::f32;
  Pair pair{allocate({real ? DType::f64 : dtype, shape, Layout::plain}), allocate({dtype, shape, layout})};
  const double poison = dtype == DType::b8 ? 1 : real ? std::numeric_limits<double>::quiet_NaN() : -77;
  for (const Tensor& tensor : {pair.reference, pair.cpu}) {
    for (std::int64_t i = 0; i < tensor.type.stored_elements(); ++i) store(tensor, i, poison);
  }
  return pair;
}

Pair Bench::clone(const Pair& pair) {
  Pair copy{allocate(pair.reference.type), allocate(pair.cpu.type)};
  std::memcpy(copy.reference.data, pair.reference.data, pair.reference.type.bytes());
  std::memcpy(copy.cpu.data, pair.cpu.data, pair.cpu.type.bytes());
  return copy;
}

void Bench::run(const std::function<void(Device&, Workspace&, const Pick&)>& verb, bool once) {
  Scratch reference_scratch;
  Workspace reference_workspace(reference_scratch);
  reference_workspace.begin();
  verb(*reference_, reference_workspace, Pick(true));
  Scratch cpu_scratch;
  Workspace cpu_workspace(cpu_scratch);
  for (int i = 0; i < (once ? 1 : 2); ++i) {
    cpu_workspace.begin();
    verb(*cpu_, cpu_workspace, Pick(false));
  }
}

void Bench::expect_equal(const Pair& pair, double tolerance, const std::string& what, double scale) {
  const auto expected = values(pair.reference);
  const auto actual = values(pair.cpu);
  double largest = scale;
  for (const double v : expected) {
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool same = expected[i] == actual[i] || (std::isnan(expected[i]) && std::isnan(actual[i])) ||
                      std::abs(expected[i] - actual[i]) <= tolerance * largest;
    if (!same) {
      RC_LOG() << what << " " << to_string(pair.cpu.shape()) << " at " << i << ": expected " << expected[i] << ", got "
               << actual[i] << ", largest " << largest << '\n';
    }
    RC_ASSERT(same);
  }
  for (const Tensor& tensor : {pair.reference, pair.cpu}) {
    for (std::size_t i = 0; i < kGuardBytes; ++i) RC_ASSERT(tensor.data[tensor.type.bytes() + i] == kGuard);
  }
  if (pair.cpu.type.layout == Layout::plain) return;
  Tensor copy = pair.cpu;
  const Array zeros(pair.cpu.dtype(), {pair.cpu.type.stored_elements()});
  Array saved(pair.cpu.dtype(), {pair.cpu.type.stored_elements()});
  std::memcpy(saved.bytes().data(), pair.cpu.data, pair.cpu.type.bytes());
  copy.data = saved.bytes().data();
  for (std::int64_t i = 0; i < copy.type.elements(); ++i) store(copy, stored_index(copy.type, i), 0);
  RC_ASSERT(std::memcmp(copy.data, zeros.bytes().data(), copy.type.bytes()) == 0);
}

}  // namespace mho::kernels::testing
