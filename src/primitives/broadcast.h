// numpy broadcasting for primitives: the common shape, gradients summed back to an input's shape, and conversions.
// And how all primitives refuse.
#pragma once

#include <string>
#include <string_view>

#include "primitives/primitive.h"

namespace mho::primitives {

/// Throws Error(kInvalidModel).
[[noreturn]] void invalid(const std::string& message);
/// Throws Error(kInvalidModel) naming `who` where the shapes do not broadcast.
[[nodiscard]] Shape broadcast_shape(const Shape& a, const Shape& b, std::string_view who);

/// target = gradient summed over the axes along which `target` was broadcast. Both plain.
void sum_to_shape(Exec& exec, const Tensor& gradient, const Tensor& target);

/// `t` itself, or a plain copy of it in a temporary.
[[nodiscard]] Tensor as_plain(Exec& exec, const Tensor& t);
/// `t` itself, or a real copy of it in a temporary.
[[nodiscard]] Tensor as_real(Exec& exec, const Tensor& t);

}  // namespace mho::primitives
