// A dense, row-major array: what goes into and comes out of the library.
#pragma once

#include <mho/shape.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mho {

/// Element types that mho computes with. Other ONNX types are converted when read.
enum class DType : std::uint8_t { f32, f64, i64, i32, b8 };

/// Bytes per element.
[[nodiscard]] std::size_t size_of(DType type) noexcept;
/// "float32", "float64", "int64", "int32", "bool".
[[nodiscard]] const char* to_string(DType type) noexcept;
/// "[2, 3, 4]".
[[nodiscard]] std::string to_string(const Shape& shape);
/// Product of the extents. Throws Error(kLimit) when an extent is negative or the product overflows.
[[nodiscard]] std::int64_t element_count(const Shape& shape);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::b8;
};

/// N-dimensional array, row-major; its own, aligned to 64 bytes, or borrowed.
class Array {
 public:
  Array() : Array(DType::f32, Shape{0}) {}
  /// Zero-filled.
  Array(DType dtype, Shape shape);
  /// Copies `values`; throws Error(kInvalidArgument) if their number is not the product of `shape`.
  template <class T>
  Array(Shape shape, std::span<const T> values);
  template <class T>
  Array(Shape shape, const std::vector<T>& values) : Array(std::move(shape), std::span<const T>(values)) {}
  /// Elements that others own, not copied: `owner` keeps them alive, and they must not change meanwhile. Copies of the
  /// array share them; whoever asks to write gets elements of its own. Throws Error(kInvalidArgument) if `bytes` are
  /// not as many as `shape` needs, or not aligned to an element.
  [[nodiscard]] static Array borrow(DType dtype, Shape shape, std::span<const std::byte> bytes,
                                    std::shared_ptr<const void> owner);

  [[nodiscard]] DType dtype() const noexcept { return dtype_; }
  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }
  [[nodiscard]] std::int64_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept;
  [[nodiscard]] std::span<std::byte> bytes();

  /// Borrowed elements. Throws Error(kInvalidArgument) if T is not the array's type.
  template <class T>
  [[nodiscard]] std::span<const T> as() const;
  template <class T>
  [[nodiscard]] std::span<T> as();

  /// A copy converted element by element. Real to integer truncates towards zero; anything to bool is `!= 0`.
  [[nodiscard]] Array to(DType dtype) const;
  /// Element `index` of the flattened array as a double.
  [[nodiscard]] double at(std::int64_t index) const;

 private:
  void require(DType wanted) const;
  [[nodiscard]] const std::byte* data() const noexcept;

  struct Chunk {
    alignas(64) std::byte bytes[64];
  };
  DType dtype_;
  Shape shape_;
  std::int64_t size_ = 0;
  std::vector<Chunk> storage_;
  const std::byte* borrowed_ = nullptr;
  std::shared_ptr<const void> owner_;
};

template <class T>
std::span<const T> Array::as() const {
  require(DTypeOf<T>::value);
  return {reinterpret_cast<const T*>(data()), static_cast<std::size_t>(size_)};
}

template <class T>
std::span<T> Array::as() {
  require(DTypeOf<T>::value);
  return {reinterpret_cast<T*>(bytes().data()), static_cast<std::size_t>(size_)};
}

extern template Array::Array(Shape, std::span<const float>);
extern template Array::Array(Shape, std::span<const double>);
extern template Array::Array(Shape, std::span<const std::int64_t>);
extern template Array::Array(Shape, std::span<const std::int32_t>);

}  // namespace mho
