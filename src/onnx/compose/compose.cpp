// Short names for the primitives that lowerings are composed of.
#include "onnx/compose/compose.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostElements = std::int64_t{1} << 33;

int width(DType type) {
  switch (type) {
    case DType::b8:
      return 0;
    case DType::i32:
      return 1;
    case DType::i64:
      return 2;
    case DType::f32:
    case DType::f64:
      return 3;
  }
  return 3;
}

bool is_logical(Binary kind) {
  return kind == Binary::logical_and || kind == Binary::logical_or || kind == Binary::logical_xor;
}

}  // namespace

ValueId unary(Builder& build, Unary kind, ValueId x, double alpha, double beta) {
  if (kind != Unary::logical_not) x = as_real(build, x);
  return build.apply1(primitives::make_unary({kind, alpha, beta}), {x});
}

ValueId binary(Builder& build, Binary kind, ValueId a, ValueId b) {
  if (is_logical(kind)) {
    a = cast(build, a, DType::b8);
    b = cast(build, b, DType::b8);
  } else {
    const DType wider =
        width(build.type(a).dtype) >= width(build.type(b).dtype) ? build.type(a).dtype : build.type(b).dtype;
    const DType common = width(wider) == 3 ? kReal : DType::i64;
    a = cast(build, a, common);
    b = cast(build, b, common);
  }
  return build.apply1(primitives::make_binary(kind), {a, b});
}

ValueId affine(Builder& build, ValueId x, double scale, double shift) {
  x = as_real(build, x);
  return scale == 1 && shift == 0 ? x : unary(build, Unary::affine, x, scale, shift);
}

ValueId scalar_of(Builder& build, DType type, double value) {
  if (type == DType::f32 || type == DType::f64) return build.scalar(value);
  return cast(build, build.integers({}, {static_cast<std::int64_t>(value)}), type);
}

ValueId cast(Builder& build, ValueId x, DType to) {
  const kernels::TensorType& type = build.type(x);
  if (type.dtype == to || (type.is_real() && (to == DType::f32 || to == DType::f64))) return x;
  return build.apply1(primitives::make_cast(to), {x});
}

ValueId reshape(Builder& build, ValueId x, Shape shape) {
  if (build.type(x).shape == shape) return x;
  return build.apply1(primitives::make_reshape(std::move(shape)), {x});
}

ValueId transpose(Builder& build, ValueId x, Shape permutation) {
  if (std::ranges::is_sorted(permutation)) return x;
  return build.apply1(primitives::make_transpose(std::move(permutation)), {x});
}

ValueId broadcast(Builder& build, ValueId x, Shape shape) {
  if (build.type(x).shape == shape) return x;
  return build.apply1(primitives::make_broadcast(std::move(shape)), {x});
}

ValueId slice(Builder& build, ValueId x, std::int64_t axis, std::int64_t start, std::int64_t extent) {
  Shape extents = build.type(x).shape;
  const auto i = static_cast<std::size_t>(axis);
  if (i >= extents.size()) {
    throw Error(Code::kInvalidModel, fmt::format("axis {} of a tensor of shape {}", axis, to_string(extents)));
  }
  if (start == 0 && extent == extents[i]) return x;
  kernels::Region region{Shape(extents.size(), 0), Shape(extents.size(), 1)};
  region.start[i] = start;
  extents[i] = extent;
  return build.apply1(primitives::make_slice(std::move(region), std::move(extents)), {x});
}

ValueId take(Builder& build, ValueId x, std::int64_t axis, std::vector<std::int64_t> positions) {
  const auto count = static_cast<std::int64_t>(positions.size());
  const ValueId indices = build.integers({count}, std::move(positions));
  return build.apply1(primitives::make_gather(axis), {x, indices});
}

ValueId reduce(Builder& build, ReduceKind kind, ValueId x, Shape axes, bool keepdims) {
  if (axes.empty()) return x;
  if (Shape shape = build.type(x).shape;
      build.type(x).is_real() && element_count(shape) == 0 && (kind == ReduceKind::max || kind == ReduceKind::min)) {
    // The extremum of nothing is the identity element (ONNX ReduceMax, ReduceMin).
    for (const std::int64_t axis : axes) shape[static_cast<std::size_t>(axis)] = 1;
    const double infinity = std::numeric_limits<double>::infinity();
    const ValueId identity =
        broadcast(build, scalar_of(build, kReal, kind == ReduceKind::max ? -infinity : infinity), std::move(shape));
    return keepdims ? identity : drop_axes(build, identity, axes);
  }
  const ValueId reduced = build.apply1(primitives::make_reduce(kind, axes), {x});
  return keepdims ? reduced : drop_axes(build, reduced, axes);
}

ValueId drop_axes(Builder& build, ValueId x, const Shape& axes) {
  Shape shape = build.type(x).shape;
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) shape.erase(shape.begin() + *axis);
  return reshape(build, x, std::move(shape));
}

Shape broadcast_shape(const NodeContext& node, const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Shape result(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t extent_a = i < rank - a.size() ? 1 : a[i - (rank - a.size())];
    const std::int64_t extent_b = i < rank - b.size() ? 1 : b[i - (rank - b.size())];
    if (extent_a != extent_b && extent_a != 1 && extent_b != 1) {
      node.invalid(fmt::format("shapes {} and {} do not broadcast", to_string(a), to_string(b)));
    }
    result[i] = extent_a == 1 ? extent_b : extent_a;
  }
  return result;
}

Shape normalized_axes(const NodeContext& node, const std::vector<std::int64_t>& axes, std::size_t rank) {
  Shape result;
  for (const std::int64_t axis : axes) result.push_back(node.normalized_axis(axis, rank));
  std::ranges::sort(result);
  if (std::ranges::adjacent_find(result) != result.end()) node.invalid("an axis is given twice");
  return result;
}

std::optional<std::vector<std::int64_t>> axes_of(const NodeContext& node, std::string_view name, std::size_t position) {
  if (node.has_input(position)) return node.constant_integers(position, name);
  return node.attributes.integers(name);
}

Shape axis_range(std::size_t first, std::size_t last) {
  Shape axes(last > first ? last - first : 0);
  std::iota(axes.begin(), axes.end(), static_cast<std::int64_t>(first));
  return axes;
}

const Shape& checked_size(const NodeContext& node, const Shape& shape) {
  if (element_count(shape) > kMostElements) {
    throw Error(Code::kLimit, fmt::format("{} node '{}': its result of shape {} is larger than the {} elements allowed",
                                          node.type, node.name, to_string(shape), kMostElements));
  }
  return shape;
}

// Before opset 7 a second operand of lower rank is aligned at the attribute `axis` instead of at the end.
ValueId aligned_second_operand(const NodeContext& node) {
  const ValueId b = node.input(1);
  const std::size_t rank = node.shape_of(0).size();
  Shape shape = node.shape_of(1);
  if (node.opset >= 7 || !node.attributes.has("axis") || shape.empty() || shape.size() >= rank) return b;
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 0), rank);
  const std::size_t after = rank - static_cast<std::size_t>(axis);
  if (after < shape.size()) node.invalid("axis does not leave room for the second operand");
  shape.resize(after, 1);
  return reshape(node.build, b, shape);
}

}  // namespace mho::onnx::ops
