// Short names for the primitives that lowerings are composed of.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

using kernels::Binary;
using kernels::DType;
using kernels::ReduceKind;
using kernels::Unary;
using primitives::kReal;

/// Only where types differ do these insert casts: arithmetic on mixed operands happens in the wider type.
ValueId unary(Builder& build, Unary kind, ValueId x, double alpha = 0, double beta = 0);
ValueId binary(Builder& build, Binary kind, ValueId a, ValueId b);
/// scale * x + shift.
ValueId affine(Builder& build, ValueId x, double scale, double shift);
ValueId scalar_of(Builder& build, DType type, double value);
ValueId cast(Builder& build, ValueId x, DType to);
ValueId reshape(Builder& build, ValueId x, Shape shape);
ValueId transpose(Builder& build, ValueId x, Shape permutation);
ValueId broadcast(Builder& build, ValueId x, Shape shape);
/// `extent` elements of `axis` from `start` on.
ValueId slice(Builder& build, ValueId x, std::int64_t axis, std::int64_t start, std::int64_t extent);
/// The given positions of `axis`.
ValueId take(Builder& build, ValueId x, std::int64_t axis, std::vector<std::int64_t> positions);
/// x without some axes of extent 1; `axes` sorted.
ValueId drop_axes(Builder& build, ValueId x, const Shape& axes);
/// `axes` sorted; they keep extent 1 if `keepdims`. No axes: x itself.
ValueId reduce(Builder& build, ReduceKind kind, ValueId x, Shape axes, bool keepdims = true);

[[nodiscard]] Shape broadcast_shape(const NodeContext& node, const Shape& a, const Shape& b);
/// Sorted, non-negative, without repeats; invalid() otherwise.
Shape normalized_axes(const NodeContext& node, const std::vector<std::int64_t>& axes, std::size_t rank);
/// Axes from the constant input at `position` if the node has it, else from the attribute `name`.
[[nodiscard]] std::optional<std::vector<std::int64_t>> axes_of(const NodeContext& node, std::string_view name,
                                                               std::size_t position);
/// first, first + 1, …, last - 1.
[[nodiscard]] Shape axis_range(std::size_t first, std::size_t last);
/// `shape` itself; throws Error(kLimit) where it is absurdly large.
const Shape& checked_size(const NodeContext& node, const Shape& shape);
/// Input 1 of a binary operator, aligned by the attribute `axis` of opsets before 7.
[[nodiscard]] ValueId aligned_second_operand(const NodeContext& node);

inline ValueId as_real(Builder& build, ValueId x) { return cast(build, x, kReal); }
inline ValueId add(Builder& build, ValueId a, ValueId b) { return binary(build, Binary::add, a, b); }
inline ValueId sub(Builder& build, ValueId a, ValueId b) { return binary(build, Binary::sub, a, b); }
inline ValueId mul(Builder& build, ValueId a, ValueId b) { return binary(build, Binary::mul, a, b); }
inline ValueId div(Builder& build, ValueId a, ValueId b) { return binary(build, Binary::div, a, b); }
inline ValueId unary(Builder& build, kernels::UnaryFunction f, ValueId x) {
  return unary(build, f.kind, x, f.alpha, f.beta);
}
inline ValueId square(Builder& build, ValueId x) { return unary(build, Unary::pow, x, 2); }
/// Layer normalization of the axes from `axis` on; RMS normalization unless `centred`.
inline ValueId normalize(Builder& build, ValueId x, std::int64_t axis, double epsilon, bool centred = true) {
  return build.apply1(primitives::make_normalization({axis, epsilon, centred}), {as_real(build, x)});
}
/// A tensor [C] shaped to [1, C, 1, ...] for a tensor of `rank`.
inline ValueId per_channel(Builder& build, ValueId x, std::size_t rank) {
  Shape shape(rank, 1);
  if (rank > 1) shape[1] = build.type(x).elements();
  return reshape(build, x, shape);
}

}  // namespace mho::onnx::ops
