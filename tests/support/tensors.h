// Tensors that own their memory, with values that tests can read and write whatever the type and layout.
#pragma once

#include <mho/array.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "kernels/tensor.h"

namespace mho::testing {

/// Memory for one tensor. Behind the end lie guard bytes: `intact()` tells whether a verb wrote there.
class TestTensor {
 public:
  explicit TestTensor(kernels::TensorType type)
      : memory_(DType::b8, Shape{static_cast<std::int64_t>(type.bytes()) + kGuardBytes}),
        view_{std::move(type), memory_.bytes().data(), false} {
    // Garbage, so that verbs that do not overwrite their output are seen. All ones is NaN in both real types.
    std::memset(view_.data, view_.dtype() == DType::b8 ? 1 : 0xFF, view_.type.bytes());
    std::memset(view_.data + view_.type.bytes(), kGuard, kGuardBytes);
  }
  TestTensor(DType dtype, Shape shape, kernels::Layout layout = kernels::Layout::plain)
      : TestTensor(kernels::TensorType{dtype, std::move(shape), layout}) {}
  /// Plain, with these elements.
  template <class T>
  TestTensor(Shape shape, const std::vector<T>& values) : TestTensor(DTypeOf<T>::value, std::move(shape)) {
    assert(static_cast<std::int64_t>(values.size()) == view_.type.elements());
    std::copy(values.begin(), values.end(), as<T>().begin());
  }
  TestTensor(TestTensor&&) = default;
  TestTensor& operator=(TestTensor&&) = default;

  // Tests pass a TestTensor wherever a verb takes a Tensor.
  operator const kernels::Tensor&() const { return view_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const kernels::Tensor& view() const { return view_; }
  [[nodiscard]] const Shape& shape() const { return view_.shape(); }
  /// Stored elements.
  template <class T>
  [[nodiscard]] std::span<T> as() const {
    return view_.as<T>();
  }
  template <class T>
  [[nodiscard]] std::vector<T> values() const {
    const auto elements = as<T>();
    return {elements.begin(), elements.end()};
  }
  [[nodiscard]] bool intact() const {
    const auto guard = std::span(view_.data + view_.type.bytes(), static_cast<std::size_t>(kGuardBytes));
    return std::all_of(guard.begin(), guard.end(), [](std::byte b) { return b == std::byte{kGuard}; });
  }

 private:
  static constexpr std::int64_t kGuardBytes = 64;
  static constexpr unsigned char kGuard = 0x5A;

  Array memory_;
  kernels::Tensor view_;
};

/// Plain real tensor with elements drawn from [low, high).
template <class T = double>
[[nodiscard]] TestTensor random_tensor(const Shape& shape, std::mt19937& random, double low = -2, double high = 2) {
  TestTensor result(DTypeOf<T>::value, shape);
  std::uniform_real_distribution<double> draw(low, high);
  for (T& value : result.as<T>()) value = static_cast<T>(draw(random));
  return result;
}

/// Plain integer or logical tensor with elements drawn from [low, high].
template <class T>
[[nodiscard]] TestTensor random_integers(const Shape& shape, std::mt19937& random, std::int64_t low,
                                         std::int64_t high) {
  TestTensor result(DTypeOf<T>::value, shape);
  std::uniform_int_distribution<std::int64_t> draw(low, high);
  for (T& value : result.as<T>()) value = static_cast<T>(draw(random));
  return result;
}

/// Sum of products of all stored elements.
[[nodiscard]] inline double dot(const TestTensor& a, const TestTensor& b) {
  const auto as = a.as<double>();
  const auto bs = b.as<double>();
  double sum = 0;
  for (std::size_t i = 0; i < as.size(); ++i) sum += as[i] * bs[i];
  return sum;
}

}  // namespace mho::testing
