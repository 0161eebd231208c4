// ArgMax, ArgMin 1–13: the position of the largest or smallest element along an axis, the first or the last of equal
// ones; Hardmax 13: 1 there, 0 elsewhere. Composed of comparisons, for all three are piecewise constant.
#include <fmt/format.h>

#include <numeric>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

struct Positions {
  ValueId best;      ///< the axis has extent 1
  ValueId numbered;  ///< 0, 1, … along the axis, extent 1 elsewhere
};

Positions find_extremum(const NodeContext& node, ReduceKind kind, ValueId x, std::int64_t axis, bool last) {
  Builder& build = node.build;
  const Shape& shape = build.type(x).shape;
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  if (extent < 1) node.invalid(fmt::format("axis {} of {} has no elements to choose from", axis, to_string(shape)));
  if (extent > (std::int64_t{1} << 26))
    node.unsupported(fmt::format("axis {} of {} is too long", axis, to_string(shape)));
  Shape along(shape.size(), 1);
  along[static_cast<std::size_t>(axis)] = extent;
  build.expect(extent);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(extent));
  std::iota(numbers.begin(), numbers.end(), 0);
  const ValueId numbered = build.integers(along, std::move(numbers));
  const ValueId hit = binary(build, Binary::equal, x, reduce(build, kind, x, {axis}));
  // The others are put where they cannot win; if nothing is hit (NaN), the result is still a position.
  const ValueId none = build.integers({}, {last ? 0 : extent - 1});
  const ValueId candidates = build.apply1(primitives::make_where(), {hit, numbered, none});
  const ValueId best = reduce(build, last ? ReduceKind::max : ReduceKind::min, candidates, {axis});
  return {best, numbered};
}

std::vector<ValueId> lower_arg_extremum(const NodeContext& node) {
  const ReduceKind kind = node.type == "ArgMax" ? ReduceKind::max : ReduceKind::min;
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 0), node.shape_of(0).size());
  const bool last = node.attributes.integer("select_last_index", 0) != 0;
  const ValueId best = find_extremum(node, kind, node.input(0), axis, last).best;
  return {node.attributes.integer("keepdims", 1) != 0 ? best : drop_axes(node.build, best, {axis})};
}

std::vector<ValueId> lower_hardmax(const NodeContext& node) {
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -1), node.shape_of(0).size());
  const Positions found = find_extremum(node, ReduceKind::max, node.input(0), axis, false);
  return {as_real(node.build, binary(node.build, Binary::equal, found.numbered, found.best))};
}

}  // namespace

std::vector<Operator> arg_extremum_operators() {
  return {
      {.type = "ArgMax", .since = 1, .lowering = lower_arg_extremum},
      {.type = "ArgMin", .since = 1, .lowering = lower_arg_extremum},
      {.type = "Hardmax", .since = 13, .lowering = lower_hardmax},
  };
}

}  // namespace mho::onnx::ops
