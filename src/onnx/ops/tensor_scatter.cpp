// TensorScatter 24: a cache in which `update` takes the places from write_indices[example] on, around its end in
// circular mode.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/positions.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_tensor_scatter(const NodeContext& node) {
  Builder& build = node.build;
  const Shape cache = node.shape_of(0), update = node.shape_of(1);
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", -2), cache.size());
  const auto at = static_cast<std::size_t>(axis);
  Shape expected = cache;
  if (update.size() == cache.size()) expected[at] = update[at];
  if (axis == 0 || update != expected || update[at] > cache[at]) {
    node.invalid(fmt::format("an update {} of a cache {} along axis {}", to_string(update), to_string(cache), axis));
  }
  Shape along(cache.size(), 1);
  along[at] = update[at];
  ValueId places = build.integers(along, axis_range(0, static_cast<std::size_t>(update[at])));
  if (node.has_input(2)) {
    if (node.shape_of(2) != Shape{cache[0]}) node.invalid("write_indices has not one number per example");
    Shape examples(cache.size(), 1);
    examples[0] = cache[0];
    places = add(build, reshape(build, cast(build, node.input(2), DType::i64), examples), places);
  }
  const std::string mode = node.attributes.string("mode", "linear");
  if (mode == "circular") {
    places = binary(build, Binary::mod, places, build.integers({}, {cache[at]}));
  } else if (mode != "linear") {
    node.invalid(fmt::format("'{}' is no mode", mode));
  }
  const ValueId positions = element_positions(node, broadcast(build, places, update), cache, at);
  const std::int64_t count = element_count(update);
  const ValueId scattered =
      scatter_rows(node, reshape(build, node.input(0), {element_count(cache)}), reshape(build, positions, {count}),
                   reshape(build, node.input(1), {count}), "none");
  return {reshape(build, scattered, cache)};
}

}  // namespace

std::vector<Operator> tensor_scatter_operators() {
  return {
      {.type = "TensorScatter", .since = 24, .lowering = lower_tensor_scatter},
  };
}

}  // namespace mho::onnx::ops
