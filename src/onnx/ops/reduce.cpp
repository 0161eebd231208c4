// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum,
// ReduceLogSumExp 1–11 (axes as an attribute), 13 or 18 and later (axes as an input).
#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// before(x), reduced by `kind`, then after(…).
struct Row {
  std::string_view type;
  ReduceKind kind;
  std::optional<kernels::UnaryFunction> before = {};
  std::optional<kernels::UnaryFunction> after = {};
};

constexpr kernels::UnaryFunction kSquare{Unary::pow, 2, 0};

constexpr Row kRows[] = {
    {"ReduceSum", ReduceKind::sum},
    {"ReduceMean", ReduceKind::mean},
    {"ReduceMax", ReduceKind::max},
    {"ReduceMin", ReduceKind::min},
    {"ReduceProd", ReduceKind::prod},
    {"ReduceL1", ReduceKind::sum, kernels::UnaryFunction{Unary::abs}},
    {"ReduceL2", ReduceKind::sum, kSquare, kernels::UnaryFunction{Unary::sqrt}},
    {"ReduceSumSquare", ReduceKind::sum, kSquare},
    {"ReduceLogSum", ReduceKind::sum, std::nullopt, kernels::UnaryFunction{Unary::log}},
};

struct Axes {
  Shape axes;
  bool keepdims;
};

Axes read_axes(const NodeContext& node) {
  const std::size_t rank = node.shape_of(0).size();
  const std::vector<std::int64_t> given = axes_of(node, "axes", 1).value_or(std::vector<std::int64_t>{});
  Shape axes = normalized_axes(node, given, rank);
  const bool noop = node.attributes.integer("noop_with_empty_axes", 0) != 0;
  if (axes.empty() && !noop) axes = axis_range(0, rank);
  return {std::move(axes), node.attributes.integer("keepdims", 1) != 0};
}

std::vector<ValueId> lower_reduce(const NodeContext& node) {
  Builder& build = node.build;
  const Row* row = std::ranges::find(kRows, node.type, &Row::type);
  if (row == std::end(kRows)) node.unsupported("it is not a known reduction");
  const Axes axes = read_axes(node);
  const DType type = node.type_of(0).dtype;
  ValueId x = node.input(0);
  if (type == DType::b8) x = cast(build, x, DType::i64);
  if (row->before || row->after || row->kind == ReduceKind::mean) x = as_real(build, x);
  if (row->before) x = build.apply1(primitives::make_unary(*row->before), {x});
  ReduceKind kind = row->kind;
  if (type == DType::b8 && element_count(node.shape_of(0)) == 0) {
    // Of no booleans the largest is false and the smallest true, as sum and product have it.
    if (kind == ReduceKind::max) kind = ReduceKind::sum;
    if (kind == ReduceKind::min) kind = ReduceKind::prod;
  }
  x = reduce(build, kind, x, axes.axes, axes.keepdims);
  if (row->after) x = build.apply1(primitives::make_unary(*row->after), {x});
  return {cast(build, x, type)};
}

/// max + log(sum(exp(x - max))), which cannot overflow.
std::vector<ValueId> lower_reduce_log_sum_exp(const NodeContext& node) {
  Builder& build = node.build;
  const Axes axes = read_axes(node);
  const DType type = node.type_of(0).dtype;
  const ValueId x = as_real(build, node.input(0));
  if (axes.axes.empty()) return {node.input(0)};
  // Kept finite, so that rows of -infinity, and empty ones, give -infinity rather than NaN.
  const ValueId max = unary(build, Unary::clip, reduce(build, ReduceKind::max, x, axes.axes, true), -3e38, 3e38);
  const ValueId sum = reduce(build, ReduceKind::sum, unary(build, Unary::exp, sub(build, x, max)), axes.axes, true);
  const ValueId y = add(build, unary(build, Unary::log, sum), max);
  return {cast(build, axes.keepdims ? y : drop_axes(build, y, axes.axes), type)};
}

}  // namespace

std::vector<Operator> reduce_operators() {
  return {
      {.type = "ReduceL1", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceL2", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceLogSum", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceLogSumExp", .since = 1, .lowering = lower_reduce_log_sum_exp},
      {.type = "ReduceMax", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceMean", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceMin", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceProd", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceSum", .since = 1, .lowering = lower_reduce},
      {.type = "ReduceSumSquare", .since = 1, .lowering = lower_reduce},
  };
}

}  // namespace mho::onnx::ops
