// numpy broadcasting for primitives: the common shape, and gradients summed back to an input's shape.
#include "primitives/broadcast.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>

namespace mho::primitives {

void invalid(const std::string& message) { throw Error(Code::kInvalidModel, message); }

Shape broadcast_shape(const Shape& a, const Shape& b, std::string_view who) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t lead = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    const std::int64_t x = longer[lead + i];
    const std::int64_t y = shorter[i];
    if (x != y && x != 1 && y != 1) {
      invalid(fmt::format("{}: shapes {} and {} do not broadcast (axis {}: {} against {})", who, to_string(a),
                          to_string(b), lead + i, x, y));
    }
    result[lead + i] = x == 1 ? y : x;
  }
  static_cast<void>(element_count(result));
  return result;
}

void sum_to_shape(Exec& exec, const Tensor& gradient, const Tensor& target) {
  if (gradient.shape() == target.shape()) {
    exec.device.copy(exec.workspace, gradient, target);
    return;
  }
  Shape padded(gradient.rank() - target.rank(), 1);
  padded.insert(padded.end(), target.shape().begin(), target.shape().end());
  exec.device.reduce(exec.workspace, kernels::ReduceKind::sum, gradient, target.reshaped(padded));
}

Tensor as_plain(Exec& exec, const Tensor& t) {
  if (t.type.layout == kernels::Layout::plain) return t;
  const Tensor plain = exec.workspace.temporary({t.dtype(), t.shape(), kernels::Layout::plain});
  exec.device.copy(exec.workspace, t, plain);
  return plain;
}

Tensor as_real(Exec& exec, const Tensor& t) {
  if (t.type.is_real()) return t;
  const Tensor real = exec.workspace.temporary({exec.device.real(), t.shape(), t.type.layout});
  exec.device.copy(exec.workspace, t, real);
  return real;
}

}  // namespace mho::primitives
