// Memory for one tensor of any layout, with the view that kernels take.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/tensor.h"

namespace mho::engine {

class OwnedTensor {
 public:
  OwnedTensor() = default;
  /// Zeros.
  explicit OwnedTensor(kernels::TensorType type) : memory_(type.dtype, Shape{type.stored_elements()}) {
    view_ = {std::move(type), memory_.bytes().data(), false};
  }
  /// A copy of `t`.
  explicit OwnedTensor(const kernels::Tensor& t) : OwnedTensor(t.type) { copy_from(t); }
  // The view is of memory that moves along.
  OwnedTensor(OwnedTensor&&) = default;
  OwnedTensor& operator=(OwnedTensor&&) = default;
  OwnedTensor(const OwnedTensor&) = delete;
  OwnedTensor& operator=(const OwnedTensor&) = delete;
  ~OwnedTensor() = default;

  [[nodiscard]] const kernels::Tensor& view() const { return view_; }
  [[nodiscard]] const kernels::TensorType& type() const { return view_.type; }
  /// `t` must have the same type.
  void copy_from(const kernels::Tensor& t) {
    if (!memory_.bytes().empty()) std::memcpy(memory_.bytes().data(), t.data, memory_.bytes().size());
  }

 private:
  Array memory_;
  kernels::Tensor view_;
};

}  // namespace mho::engine
