// Walks over the elements of tensors in either layout.
#pragma once

#include <array>
#include <cstring>

#include "kernels/reference/strides.h"
#include "kernels/tensor.h"

namespace mho::kernels {

[[nodiscard]] inline bool is_blocked(const Tensor& tensor) { return tensor.type.layout == Layout::blocked; }

/// Calls f(channel, blocked offset, plain offset) for every logical element.
template <class F>
void for_each_blocked(const Shape& shape, F&& f) {
  std::int64_t points = 1;
  for (std::size_t axis = 2; axis < shape.size(); ++axis) points *= shape[axis];
  const std::int64_t channels = shape[1];
  const std::int64_t blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  for (std::int64_t image = 0; image < shape[0]; ++image) {
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      const std::int64_t first =
          (image * blocks + channel / kChannelBlock) * points * kChannelBlock + channel % kChannelBlock;
      const std::int64_t plain = (image * channels + channel) * points;
      for (std::int64_t point = 0; point < points; ++point) f(channel, first + point * kChannelBlock, plain + point);
    }
  }
}

/// Zeros the channels beyond the last one, where the tensor is blocked and has some.
inline void clear_padding(const Tensor& tensor) {
  if (!is_blocked(tensor) || tensor.dim(1) % kChannelBlock == 0) return;
  const std::size_t size = size_of(tensor.dtype());
  const std::size_t block = kChannelBlock * size;
  const auto used = static_cast<std::size_t>(tensor.dim(1) % kChannelBlock) * size;
  const std::int64_t last = tensor.dim(1) - 1;
  // Each last channel is followed by the padding of its block.
  for_each_blocked(tensor.shape(), [&](std::int64_t channel, std::int64_t offset, std::int64_t) {
    if (channel != last) return;
    std::memset(tensor.data + static_cast<std::size_t>(offset + 1) * size, 0, block - used);
  });
}

/// Calls f(offset in y, {offset in each operand}) for every element of y, operands broadcast. With a blocked y, an
/// operand is blocked of y's shape, or plain with one element or one per channel.
template <std::size_t Operands, class F>
void for_each_broadcast(const Tensor& y, const std::array<const Tensor*, Operands>& operands, F&& f) {
  std::array<std::int64_t, Operands> at{};
  if (is_blocked(y)) {
    std::array<bool, Operands> same{};
    std::array<bool, Operands> single{};
    for (std::size_t i = 0; i < Operands; ++i) {
      same[i] = is_blocked(*operands[i]);
      single[i] = operands[i]->type.elements() == 1;
      assert(same[i] ? operands[i]->shape() == y.shape() : single[i] || operands[i]->type.elements() == y.dim(1));
    }
    for_each_blocked(y.shape(), [&](std::int64_t channel, std::int64_t offset, std::int64_t) {
      for (std::size_t i = 0; i < Operands; ++i) at[i] = same[i] ? offset : single[i] ? 0 : channel;
      f(offset, at);
    });
    return;
  }
  bool equal = true;
  for (const Tensor* operand : operands) equal = equal && operand->shape() == y.shape();
  if (equal) {
    const std::int64_t count = y.type.elements();
    for (std::int64_t k = 0; k < count; ++k) {
      at.fill(k);
      f(k, at);
    }
    return;
  }
  std::array<Shape, Operands> strides;
  for (std::size_t i = 0; i < Operands; ++i) strides[i] = broadcast_strides(operands[i]->shape(), y.shape());
  std::int64_t k = 0;
  for_each_position(y.shape(), strides, [&](const auto& offsets) { f(k++, offsets); });
}

}  // namespace mho::kernels
