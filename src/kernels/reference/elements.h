// Typed access to elements whose type is known only when running, and conversion between the types.
#pragma once

#include <mho/array.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace mho::kernels {

/// Calls visitor(T{}) with the C++ type of `dtype`.
template <class Visitor>
void visit_dtype(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::f32:
      return visitor(float{});
    case DType::f64:
      return visitor(double{});
    case DType::i64:
      return visitor(std::int64_t{});
    case DType::i32:
      return visitor(std::int32_t{});
    case DType::b8:
      return visitor(bool{});
  }
}

/// Calls visitor(T{}) with an unsigned type of the size of `dtype`: for verbs that only move elements.
template <class Visitor>
void visit_size(DType dtype, Visitor&& visitor) {
  switch (size_of(dtype)) {
    case 1:
      return visitor(std::uint8_t{});
    case 4:
      return visitor(std::uint32_t{});
    default:
      return visitor(std::uint64_t{});
  }
}

/// Element `index`. Any byte but 0 is true: model files may hold others than 1.
template <class T>
[[nodiscard]] T load(const std::byte* data, std::int64_t index) {
  if constexpr (std::is_same_v<T, bool>) {
    return data[index] != std::byte{0};
  } else {
    return reinterpret_cast<const T*>(data)[index];
  }
}

template <class T>
void store(std::byte* data, std::int64_t index, T value) {
  reinterpret_cast<T*>(data)[index] = value;
}

/// Real to integer truncates and saturates (out of range is undefined in C++), NaN becomes 0; to bool is `!= 0`.
template <class To, class From>
[[nodiscard]] To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (std::isnan(value)) return To{0};
    const auto wide = static_cast<double>(value);
    if (wide <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (wide >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace mho::kernels
