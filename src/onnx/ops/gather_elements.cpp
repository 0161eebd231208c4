// GatherElements 11–13 with constant indices: y[i][j] = x[index[i][j]][j] along axis 0, likewise along others. It is
// a Gather from the flattened x.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gather_elements(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const Shape result = node.shape_of(1);
  const auto axis = static_cast<std::size_t>(node.normalized_axis(node.attributes.integer("axis", 0), shape.size()));
  if (result.size() != shape.size()) node.invalid("indices and data differ in rank");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i != axis && result[i] > shape[i]) node.invalid("its indices reach beyond the data");
  }
  std::vector<std::int64_t> positions = node.constant_integers(1, "indices");
  for (std::size_t flat = 0; flat < positions.size(); ++flat) {
    auto rest = static_cast<std::int64_t>(flat);
    std::int64_t offset = 0;
    std::int64_t stride = 1;
    for (std::size_t i = shape.size(); i-- > 0;) {
      std::int64_t position = rest % result[i];
      rest /= result[i];
      if (i == axis) {
        position = positions[flat] < 0 ? positions[flat] + shape[i] : positions[flat];
        if (position < 0 || position >= shape[i]) {
          node.invalid(fmt::format("index {} is out of range for axis {} of {}", positions[flat], i, to_string(shape)));
        }
      }
      offset += position * stride;
      stride *= shape[i];
    }
    positions[flat] = offset;
  }
  const ValueId flattened = reshape(node.build, node.input(0), {element_count(shape)});
  return {reshape(node.build, take(node.build, flattened, 0, std::move(positions)), result)};
}

}  // namespace

std::vector<Operator> gather_elements_operators() {
  return {
      {.type = "GatherElements", .since = 11, .lowering = lower_gather_elements},
  };
}

}  // namespace mho::onnx::ops
