// The blocked layout nC[[d]h]w16c as our own loops see it.
#pragma once

#include "kernels/tensor.h"

namespace mho::kernels::cpu {

/// Extents of a tensor with a channel axis: [images, channels, points], points = product of the spatial extents.
struct Images {
  std::int64_t images = 1;
  std::int64_t channels = 1;
  std::int64_t points = 1;
  [[nodiscard]] std::int64_t blocks() const { return (channels + kChannelBlock - 1) / kChannelBlock; }
};
[[nodiscard]] Images images_of(const Shape& shape);

/// The stored elements as one axis: for verbs to which position means nothing.
[[nodiscard]] Tensor flattened(const Tensor& tensor);

/// Zeros the channels beyond the last one, where the tensor is blocked and has some.
void zero_padding(const Tensor& tensor);

}  // namespace mho::kernels::cpu
