// ScatterElements 11–18 (Scatter 9): y = x, but y[index[i][j]][j] = update[i][j] along axis 0, likewise along others;
// ScatterND 11–18: slices of x, addressed by the last axis of the indices. With `reduction`, updates are combined with
// x.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_scatter_elements(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const auto axis = static_cast<std::size_t>(node.normalized_axis(node.attributes.integer("axis", 0), shape.size()));
  const Shape indices = node.shape_of(1);
  if (node.shape_of(2) != indices) {
    node.invalid(fmt::format("it has indices {} and updates {}", to_string(indices), to_string(node.shape_of(2))));
  }
  const std::int64_t count = element_count(indices);
  const ValueId positions = reshape(build, element_positions(node, node.input(1), shape, axis), {count});
  const ValueId scattered =
      scatter_rows(node, reshape(build, node.input(0), {element_count(shape)}), positions,
                   reshape(build, node.input(2), {count}), node.attributes.string("reduction", "none"));
  return {reshape(build, scattered, shape)};
}

std::vector<ValueId> lower_scatter_nd(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const Shape indices = node.shape_of(1);
  const ValueId positions = slice_positions(node, node.input(1), shape, 0);
  const auto depth = static_cast<std::ptrdiff_t>(indices.back());
  const Shape rest(shape.begin() + depth, shape.end());
  Shape updates(indices.begin(), indices.end() - 1);
  updates.insert(updates.end(), rest.begin(), rest.end());
  if (node.shape_of(2) != updates) {
    node.invalid(
        fmt::format("its updates have shape {} instead of {}", to_string(node.shape_of(2)), to_string(updates)));
  }
  Shape rows{element_count(Shape(shape.begin(), shape.begin() + depth))};
  rows.insert(rows.end(), rest.begin(), rest.end());
  Shape listed{build.type(positions).elements()};
  listed.insert(listed.end(), rest.begin(), rest.end());
  const ValueId scattered =
      scatter_rows(node, reshape(build, node.input(0), rows), reshape(build, positions, {listed[0]}),
                   reshape(build, node.input(2), listed), node.attributes.string("reduction", "none"));
  return {reshape(build, scattered, shape)};
}

}  // namespace

std::vector<Operator> scatter_operators() {
  return {
      {.type = "Scatter", .since = 9, .lowering = lower_scatter_elements},
      {.type = "ScatterElements", .since = 11, .lowering = lower_scatter_elements},
      {.type = "ScatterND", .since = 11, .lowering = lower_scatter_nd},
  };
}

}  // namespace mho::onnx::ops
