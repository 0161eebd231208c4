// LpPool (2–22), GlobalLpPool (2): the p-th root of the sum of |x|^p, over windows or all spatial axes.
#include <fmt/format.h>

#include <algorithm>

#include "onnx/compose/compose.h"
#include "onnx/compose/window.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::int64_t exponent_of(const NodeContext& node) {
  const std::int64_t p = node.attributes.integer("p", 2);
  if (p < 1) node.invalid(fmt::format("p is {}, not positive", p));
  return p;
}

ValueId powers(const NodeContext& node, std::int64_t p) {
  return unary(node.build, Unary::pow, unary(node.build, Unary::abs, node.input(0)), static_cast<double>(p));
}

ValueId root(const NodeContext& node, ValueId sum, std::int64_t p) {
  return p == 1 ? sum : unary(node.build, Unary::pow, sum, 1.0 / static_cast<double>(p));
}

/// An average that counts the padding, times the elements of the window, is their sum.
std::vector<ValueId> lower_lp_pool(const NodeContext& node) {
  const std::int64_t p = exponent_of(node);
  const kernels::Window window = pool_window(node);
  if (std::ranges::any_of(window.overhang, [](std::int64_t cells) { return cells != 0; })) {
    node.unsupported("ceil_mode with an incomplete last window is not available");
  }
  const ValueId average = node.build.apply1(primitives::make_pool_average(window, true), {powers(node, p)});
  const auto elements = static_cast<double>(element_count(window.kernel));
  return {root(node, affine(node.build, average, elements, 0), p)};
}

std::vector<ValueId> lower_global_lp_pool(const NodeContext& node) {
  const std::int64_t p = exponent_of(node);
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 2) node.invalid("input needs at least the axes [N, C]");
  return {root(node, reduce(node.build, ReduceKind::sum, powers(node, p), axis_range(2, rank)), p)};
}

}  // namespace

std::vector<Operator> lp_pool_operators() {
  return {
      {.type = "GlobalLpPool", .since = 2, .lowering = lower_global_lp_pool},
      {.type = "LpPool", .since = 2, .lowering = lower_lp_pool},
  };
}

}  // namespace mho::onnx::ops
