// Slices along a new axis, for operators that are unrolled.
#include "onnx/compose/stack.h"

#include <fmt/format.h>

#include "onnx/compose/compose.h"

namespace mho::onnx::ops {

ValueId stack(const NodeContext& node, const std::vector<ValueId>& slices, std::int64_t axis) {
  Builder& build = node.build;
  Shape shape = build.type(slices.front()).shape;
  const std::int64_t at = node.normalized_axis(axis, shape.size() + 1);
  shape.insert(shape.begin() + at, 1);
  std::vector<ValueId> parts;
  for (const ValueId slice : slices) {
    if (build.type(slice) != build.type(slices.front())) {
      node.invalid(fmt::format("its slices have different shapes, {} and {}",
                               to_string(build.type(slices.front()).shape), to_string(build.type(slice).shape)));
    }
    parts.push_back(reshape(build, slice, shape));
  }
  return parts.size() == 1 ? parts.front() : build.apply1(primitives::make_concat(at), parts);
}

}  // namespace mho::onnx::ops
