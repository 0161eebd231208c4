// The blocked layout nC[[d]h]w16c as our own loops see it.
#include "kernels/cpu/blocked.h"

#include <cstring>

namespace mho::kernels::cpu {

Images images_of(const Shape& shape) {
  Images result{shape[0], shape[1], 1};
  for (std::size_t axis = 2; axis < shape.size(); ++axis) result.points *= shape[axis];
  return result;
}

Tensor flattened(const Tensor& tensor) {
  if (tensor.empty()) return tensor;
  Tensor flat = tensor;
  flat.type.shape = {tensor.type.stored_elements()};
  flat.type.layout = Layout::plain;
  return flat;
}

void zero_padding(const Tensor& tensor) {
  if (tensor.type.layout != Layout::blocked || tensor.dim(1) % kChannelBlock == 0) return;
  const Images extents = images_of(tensor.shape());
  const std::size_t size = size_of(tensor.dtype());
  const auto used = static_cast<std::size_t>(extents.channels % kChannelBlock) * size;
  const std::size_t block = static_cast<std::size_t>(kChannelBlock) * size;
  for (std::int64_t image = 0; image < extents.images; ++image) {
    std::byte* lanes =
        tensor.data + static_cast<std::size_t>(((image + 1) * extents.blocks() - 1) * extents.points) * block;
    for (std::int64_t point = 0; point < extents.points; ++point, lanes += block) {
      std::memset(lanes + used, 0, block - used);
    }
  }
}

}  // namespace mho::kernels::cpu
