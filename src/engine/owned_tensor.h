// Memory for one tensor of any layout, with the view that kernels take.
#pragma once

#include <cstring>

#include "kernels/tensor.h"

namespace mho::engine {

class OwnedTensor {
 public:
  OwnedTensor() = default;
  /// Zeros.
  explicit OwnedTensor(kernels::TensorType type)
      : memory_(type.dtype, Shape{type.stored_elements()}), type_(std::move(type)) {}
  /// A copy of `t`.
  explicit OwnedTensor(const kernels::Tensor& t) : OwnedTensor(t.type) { copy_from(t); }

  [[nodiscard]] kernels::Tensor view() { return {type_, memory_.bytes().data(), false}; }
  [[nodiscard]] const kernels::TensorType& type() const { return type_; }
  /// `t` must have the same type.
  void copy_from(const kernels::Tensor& t) {
    if (!memory_.bytes().empty()) std::memcpy(memory_.bytes().data(), t.data, memory_.bytes().size());
  }

 private:
  Array memory_;
  kernels::TensorType type_;
};

}  // namespace mho::engine
