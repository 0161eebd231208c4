// MaxPool (1–22), AveragePool (1–22), GlobalMaxPool, GlobalAveragePool.
#include <numeric>

#include "onnx/compose/window.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

ValueId global(const NodeContext& node, kernels::ReduceKind kind) {
  const std::size_t rank = node.shape_of(0).size();
  if (rank < 2) node.invalid("input needs at least the axes [N, C]");
  Shape axes(rank - 2);
  std::iota(axes.begin(), axes.end(), 2);
  return node.build.apply1(primitives::make_reduce(kind, axes), {node.input(0)});
}

std::vector<ValueId> lower_max_pool(const NodeContext& node) {
  if (node.output_count > 1) node.unsupported("the output Indices is not supported");
  return {node.build.apply1(primitives::make_pool_max(pool_window(node)), {node.input(0)})};
}

std::vector<ValueId> lower_average_pool(const NodeContext& node) {
  const bool include = node.attributes.integer("count_include_pad", 0) != 0;
  return {node.build.apply1(primitives::make_pool_average(pool_window(node), include), {node.input(0)})};
}

std::vector<ValueId> lower_global_max_pool(const NodeContext& node) { return {global(node, kernels::ReduceKind::max)}; }

std::vector<ValueId> lower_global_average_pool(const NodeContext& node) {
  return {global(node, kernels::ReduceKind::mean)};
}

}  // namespace

std::vector<Operator> pool_operators() {
  return {
      {.type = "AveragePool", .since = 1, .lowering = lower_average_pool},
      {.type = "GlobalAveragePool", .since = 1, .lowering = lower_global_average_pool},
      {.type = "GlobalMaxPool", .since = 1, .lowering = lower_global_max_pool},
      {.type = "MaxPool", .since = 1, .lowering = lower_max_pool},
  };
}

}  // namespace mho::onnx::ops
