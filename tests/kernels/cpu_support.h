// Runs one verb on the reference device and on the CPU device with the same numbers and compares what they wrote.
#pragma once

#include <rapidcheck.h>

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "kernels/device.h"

namespace mho::kernels::testing {

/// One tensor as each device sees it: plain double, and float in either layout (other types are the same on both).
struct Pair {
  Tensor reference;
  Tensor cpu;
};

/// Picks the tensor of the device at hand; nothing for nothing.
class Pick {
 public:
  explicit Pick(bool reference) : reference_(reference) {}
  [[nodiscard]] const Tensor& operator()(const Pair& pair) const { return reference_ ? pair.reference : pair.cpu; }

 private:
  bool reference_;
};

/// Below it floats lose digits.
inline constexpr double kSmallest = 1e-30;

class Bench {
 public:
  explicit Bench(unsigned seed, int threads = 2, bool bfloat16 = false);

  Device& cpu() { return *cpu_; }
  /// Random numbers in [low, high).
  Pair random(const Shape& shape, Layout layout = Layout::plain, double low = -2, double high = 2);
  /// Random integers in [low, high] of an integer or logical type.
  Pair integers(DType dtype, const Shape& shape, std::int64_t low, std::int64_t high, Layout layout = Layout::plain);
  /// Memory to be written, full of NaN (or -77), with guards behind it. `dtype` f32 means each device's real type.
  Pair output(const Shape& shape, Layout layout = Layout::plain, DType dtype = DType::f32);
  /// A copy of the pair with the same contents: for outputs that a verb updates.
  Pair clone(const Pair& pair);

  /// Calls verb(device, workspace, pick): once on the reference, twice on the CPU (the second run finds its slots
  /// prepared), unless `once`.
  void run(const std::function<void(Device&, Workspace&, const Pick&)>& verb, bool once = false);
  /// Fails the property unless both agree to `tolerance` times the largest magnitude (at least `scale`, the size of
  /// the terms of a sum that may cancel), channel padding is zero and nothing was written behind the end.
  void expect_equal(const Pair& pair, double tolerance, const std::string& what, double scale = kSmallest);

 private:
  Tensor allocate(const TensorType& type);

  std::unique_ptr<Device> reference_;
  std::unique_ptr<Device> cpu_;
  std::deque<Array> memory_;
  std::mt19937 random_;
};

/// Logical elements in row-major order, whatever the type and layout.
[[nodiscard]] std::vector<double> values(const Tensor& tensor);
void set_values(const Tensor& tensor, const std::vector<double>& values);

[[nodiscard]] inline std::int64_t draw(std::int64_t low, std::int64_t high) {
  return *rc::gen::inRange<std::int64_t>(low, high + 1);
}
template <class T>
T draw_one(std::initializer_list<T> choices) {
  return *rc::gen::elementOf(std::vector<T>(choices));
}
[[nodiscard]] inline unsigned draw_seed() { return static_cast<unsigned>(draw(0, 1 << 20)); }
/// `rank` extents in [low, high].
[[nodiscard]] Shape draw_shape(std::size_t rank, std::int64_t low, std::int64_t high);

}  // namespace mho::kernels::testing
