// CumProd 26 along a constant axis: products of ever larger beginnings, one by one.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_cum_prod(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::vector<std::int64_t> axes = node.constant_integers(1, "axis");
  if (axes.size() != 1) node.invalid("its axis is not a single number");
  const std::int64_t axis = node.normalized_axis(axes[0], shape.size());
  const bool exclusive = node.attributes.integer("exclusive", 0) != 0;
  const bool reverse = node.attributes.integer("reverse", 0) != 0;
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  if (extent > 8192) node.unsupported(fmt::format("its axis has {} elements; at most 8192 are supported", extent));
  if (extent == 0) return {node.input(0)};
  std::vector<ValueId> parts(static_cast<std::size_t>(extent));
  Shape one = shape;
  one[static_cast<std::size_t>(axis)] = 1;
  ValueId product = broadcast(build, scalar_of(build, build.type(node.input(0)).dtype, 1), one);
  for (std::int64_t k = 0; k < extent; ++k) {
    const std::int64_t at = reverse ? extent - 1 - k : k;
    const ValueId next = mul(build, product, slice(build, node.input(0), axis, at, 1));
    parts[static_cast<std::size_t>(at)] = exclusive ? product : next;
    product = next;
  }
  return {build.apply1(primitives::make_concat(axis), parts)};
}

}  // namespace

std::vector<Operator> cum_prod_operators() {
  return {
      {.type = "CumProd", .since = 26, .lowering = lower_cum_prod},
  };
}

}  // namespace mho::onnx::ops
