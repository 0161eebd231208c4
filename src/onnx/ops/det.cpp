// Det 11–22: the determinant of the last two axes, by Gaussian elimination with the largest pivot of each column.
#include <fmt/format.h>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

namespace {

/// Elimination is unrolled: some twenty primitives per row.
constexpr std::int64_t kMostRows = 128;

std::vector<ValueId> lower_det(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  if (shape.size() < 2 || shape.back() != shape[shape.size() - 2] || shape.back() < 1) {
    node.invalid(fmt::format("{} is not a stack of square matrices", to_string(shape)));
  }
  if (shape.back() > kMostRows) node.unsupported(fmt::format("a matrix of more than {} rows", kMostRows));
  const Shape stack(shape.begin(), shape.end() - 2);
  const std::int64_t count = element_count(stack);
  ValueId rest = reshape(build, node.input(0), {count, shape.back(), shape.back()});
  ValueId result = kNoValue;
  const auto multiply = [&](ValueId factor) {
    factor = reshape(build, factor, stack);
    result = result == kNoValue ? factor : mul(build, result, factor);
  };
  for (std::int64_t size = shape.back(); size > 1; --size) {
    const ValueId column = reshape(build, slice(build, rest, 2, 0, 1), {count, size});
    const ValueId place =
        build.apply1(primitives::make_top_k(1, 1, true), {unary(build, Unary::abs, column)});  // [count, 1]
    const ValueId rows = build.integers({1, size}, axis_range(0, static_cast<std::size_t>(size)));
    const ValueId chosen = reshape(build, as_real(build, binary(build, Binary::equal, rows, place)), {count, 1, size});
    const ValueId pivot_row = build.apply1(primitives::make_matmul(), {chosen, rest});
    const ValueId pivot = slice(build, pivot_row, 2, 0, 1);
    multiply(pivot);
    const ValueId stays = as_real(build, binary(build, Binary::equal, place, build.integers({}, {0})));
    multiply(affine(build, stays, 2, -1));  // an exchange of rows turns the sign
    // The first row takes the pivot's place, then it is gone.
    const ValueId exchange = sub(build, slice(build, rest, 1, 0, 1), pivot_row);
    const ValueId moved = build.apply1(primitives::make_matmul({true, false}), {chosen, exchange});
    rest = slice(build, add(build, rest, moved), 1, 1, size - 1);
    // A pivot of zero: the column is zero, and nothing is left to eliminate.
    const ValueId zero = binary(build, Binary::equal, pivot, build.scalar(0));
    const ValueId divisor = build.apply1(primitives::make_where(), {zero, build.scalar(1), pivot});
    const ValueId factors = div(build, slice(build, rest, 2, 0, 1), divisor);
    rest = sub(build, slice(build, rest, 2, 1, size - 1), mul(build, factors, slice(build, pivot_row, 2, 1, size - 1)));
  }
  multiply(rest);
  return {result};
}

}  // namespace

std::vector<Operator> det_operators() {
  return {
      {.type = "Det", .since = 11, .lowering = lower_det},
  };
}

}  // namespace mho::onnx::ops
