// CumSum 11–14 along a constant axis: a product with a triangular matrix.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_cum_sum(const NodeContext& node) {
  Builder& build = node.build;
  const kernels::TensorType type = node.type_of(0);
  const std::vector<std::int64_t> axes = node.constant_integers(1, "axis");
  if (axes.size() != 1) node.invalid("its axis is not a single number");
  const std::int64_t axis = node.normalized_axis(axes[0], type.shape.size());
  const bool exclusive = node.attributes.integer("exclusive", 0) != 0;
  const bool reverse = node.attributes.integer("reverse", 0) != 0;
  const std::int64_t extent = type.shape[static_cast<std::size_t>(axis)];
  if (extent > 8192) node.unsupported(fmt::format("its axis has {} elements; at most 8192 are supported", extent));

  build.expect(extent * extent);
  std::vector<double> triangle;  // [from, to]
  for (std::int64_t from = 0; from < extent; ++from) {
    for (std::int64_t to = 0; to < extent; ++to) {
      const bool before = reverse ? from > to : from < to;
      triangle.push_back(before || (from == to && !exclusive) ? 1 : 0);
    }
  }
  Shape swap = axis_range(0, type.shape.size());
  std::swap(swap[static_cast<std::size_t>(axis)], swap.back());
  const ValueId rows = transpose(build, as_real(build, node.input(0)), swap);
  const Shape rows_shape = build.type(rows).shape;
  const ValueId matrix = reshape(build, rows, {extent == 0 ? 0 : type.elements() / extent, extent});
  const ValueId sums = build.apply1(primitives::make_matmul(), {matrix, build.reals({extent, extent}, triangle)});
  return {cast(build, transpose(build, reshape(build, sums, rows_shape), swap), type.dtype)};
}

}  // namespace

std::vector<Operator> cum_sum_operators() {
  return {
      {.type = "CumSum", .since = 11, .lowering = lower_cum_sum},
  };
}

}  // namespace mho::onnx::ops
