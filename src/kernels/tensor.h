// A borrowed view of memory as a tensor: the only thing kernel verbs read and write.
#pragma once

#include <mho/array.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace mho::kernels {

using mho::DType;
using mho::Shape;

/// How elements lie in memory. `blocked` is oneDNN's nC[[d]h]w16c: channels (axis 1) in groups of 16, the group
/// innermost, padded with zeros to a multiple of 16. It exists for ranks 3 to 5 only.
enum class Layout : std::uint8_t { plain, blocked };

inline constexpr std::int64_t kChannelBlock = 16;

/// Element type, shape and layout, without memory.
struct TensorType {
  DType dtype = DType::f32;
  Shape shape;
  Layout layout = Layout::plain;

  bool operator==(const TensorType&) const = default;
  /// Logical elements.
  [[nodiscard]] std::int64_t elements() const { return element_count(shape); }
  /// Elements in memory: more than elements() where a blocked layout pads the channels.
  [[nodiscard]] std::int64_t stored_elements() const;
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] bool is_real() const noexcept { return dtype == DType::f32 || dtype == DType::f64; }
};

/// Borrowed tensor. Copying copies the view. Kernels never keep it beyond the call, except that data marked
/// `constant` does not change or move while the Workspace it was used with lives, so that a device may pack it once.
struct Tensor {
  TensorType type;
  std::byte* data = nullptr;
  bool constant = false;

  [[nodiscard]] bool empty() const noexcept { return data == nullptr; }
  [[nodiscard]] const Shape& shape() const noexcept { return type.shape; }
  [[nodiscard]] std::int64_t dim(std::size_t axis) const { return type.shape[axis]; }
  [[nodiscard]] std::size_t rank() const noexcept { return type.shape.size(); }
  [[nodiscard]] DType dtype() const noexcept { return type.dtype; }
  /// All stored elements (padding of blocked layouts included).
  template <class T>
  [[nodiscard]] std::span<T> as() const {
    assert(DTypeOf<T>::value == type.dtype);
    return {reinterpret_cast<T*>(data), static_cast<std::size_t>(type.stored_elements())};
  }
  /// The same memory with another shape of as many elements. Plain layout only.
  [[nodiscard]] Tensor reshaped(Shape shape) const;
};

/// Immutable tensor data on the host with shared ownership: an initializer mapped from the model file, or a folded
/// constant. Always plain layout.
struct Constant {
  TensorType type;
  std::shared_ptr<const std::byte> data;

  [[nodiscard]] Tensor view() const;
  template <class T>
  [[nodiscard]] std::span<const T> as() const {
    return view().as<T>();
  }
  /// Takes the elements over from an array.
  static Constant from(Array array);
};

}  // namespace mho::kernels
