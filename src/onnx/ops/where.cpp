// Where 9–16: condition ? a : b; and Trilu 14, a choice by a constant mask.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_where(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId condition = cast(build, node.input(0), DType::b8);
  const ValueId a = node.input(1);
  return {build.apply1(primitives::make_where(), {condition, a, cast(build, node.input(2), build.type(a).dtype)})};
}

/// upper: keeps column - row >= k; lower: column - row <= k.
std::vector<ValueId> lower_trilu(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  const kernels::TensorType type = node.type_of(0);
  if (type.shape.size() < 2) node.invalid(fmt::format("its input of shape {} is no matrix", to_string(type.shape)));
  const std::vector<std::int64_t> diagonal =
      node.has_input(1) ? node.constant_integers(1, "k") : std::vector<std::int64_t>{0};
  if (diagonal.size() != 1) node.invalid("'k' is not a single number");
  const bool upper = node.attributes.integer("upper", 1) != 0;
  const std::int64_t rows = type.shape[type.shape.size() - 2];
  const std::int64_t columns = type.shape.back();
  if (element_count({rows, columns}) > (std::int64_t{1} << 26)) node.unsupported("its matrix is too large");
  if (type.elements() == 0) return {x};
  build.expect(element_count({rows, columns}));
  std::vector<std::int64_t> mask;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) mask.push_back(upper ? j - i >= diagonal[0] : j - i <= diagonal[0]);
  }
  const ValueId keep = cast(build, build.integers({rows, columns}, std::move(mask)), DType::b8);
  return {build.apply1(primitives::make_where(), {keep, x, scalar_of(build, type.dtype, 0)})};
}

}  // namespace

std::vector<Operator> where_operators() {
  return {
      {.type = "Trilu", .since = 14, .lowering = lower_trilu},
      {.type = "Where", .since = 9, .lowering = lower_where},
  };
}

}  // namespace mho::onnx::ops
