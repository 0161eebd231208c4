// OneHot 9–11: off_value, and on_value where the new axis equals the index (negative ones count from the end).
#include <fmt/format.h>

#include <numeric>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_one_hot(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::vector<std::int64_t> depths = node.constant_integers(1, "depth");
  if (depths.size() != 1 || depths[0] < 1 || depths[0] > (std::int64_t{1} << 26)) {
    node.invalid("its depth makes no sense");
  }
  const std::int64_t depth = depths[0];
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -1), shape.size() + 1);
  if (element_count(node.shape_of(2)) != 2) node.invalid("its values are not a pair");

  Shape with_axis = shape;
  with_axis.insert(with_axis.begin() + axis, 1);
  Shape result = with_axis;
  result[static_cast<std::size_t>(axis)] = depth;
  checked_size(node, result);
  Shape classes(with_axis.size(), 1);
  classes[static_cast<std::size_t>(axis)] = depth;
  build.expect(depth);
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(depth));
  std::iota(numbers.begin(), numbers.end(), 0);

  const ValueId indices = reshape(build, cast(build, node.input(0), DType::i64), with_axis);
  const ValueId zero = build.integers({}, {0});
  const ValueId negative = binary(build, Binary::less, indices, zero);
  const ValueId from_start =
      build.apply1(primitives::make_where(), {negative, add(build, indices, build.integers({}, {depth})), indices});
  const ValueId hit = binary(build, Binary::equal, from_start, build.integers(classes, numbers));
  const ValueId values = reshape(build, node.input(2), {2});
  const ValueId off = reshape(build, slice(build, values, 0, 0, 1), {});
  const ValueId on = reshape(build, slice(build, values, 0, 1, 1), {});
  return {build.apply1(primitives::make_where(), {hit, on, off})};
}

}  // namespace

std::vector<Operator> one_hot_operators() {
  return {
      {.type = "OneHot", .since = 9, .lowering = lower_one_hot},
  };
}

}  // namespace mho::onnx::ops
