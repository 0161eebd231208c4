// Sizes and views of tensors.
#include "kernels/tensor.h"

#include <mho/error.h>

namespace mho::kernels {

std::int64_t TensorType::stored_elements() const {
  if (layout == Layout::plain) return elements();
  Shape padded = shape;
  padded[1] = (padded[1] + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
  return element_count(padded);
}

std::size_t TensorType::bytes() const { return static_cast<std::size_t>(stored_elements()) * size_of(dtype); }

Tensor Tensor::reshaped(Shape shape) const {
  assert(type.layout == Layout::plain && element_count(shape) == type.elements());
  return {{type.dtype, std::move(shape), Layout::plain}, data, constant};
}

Tensor Constant::view() const {
  // Kernels take one kind of view; a constant is only ever passed as an input.
  return {type, const_cast<std::byte*>(data.get()), true};
}

Constant Constant::from(Array array) {
  auto owner = std::make_shared<Array>(std::move(array));
  return {{owner->dtype(), owner->shape(), Layout::plain},
          std::shared_ptr<const std::byte>(owner, owner->bytes().data())};
}

}  // namespace mho::kernels
