// Slice 1 (starts, ends, axes as attributes), 10–13 (as inputs, with steps): numpy's slicing.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

using Integers = std::vector<std::int64_t>;

struct Bounds {
  Integers starts;
  Integers ends;
  Integers axes;
  Integers steps;
};

Bounds read_bounds(const NodeContext& node, std::size_t rank) {
  Bounds bounds;
  const bool as_inputs = node.opset >= 10;
  const auto read = [&](std::size_t position, std::string_view name, const Integers& otherwise) {
    if (as_inputs) return node.has_input(position) ? node.constant_integers(position, name) : otherwise;
    return node.attributes.integers(name).value_or(otherwise);
  };
  bounds.starts = read(1, "starts", {});
  bounds.ends = read(2, "ends", {});
  bounds.axes = read(3, "axes", axis_range(0, std::min(rank, bounds.starts.size())));
  bounds.steps = as_inputs ? read(4, "steps", Integers(bounds.starts.size(), 1)) : Integers(bounds.starts.size(), 1);
  const std::size_t count = bounds.starts.size();
  if (bounds.ends.size() != count || bounds.axes.size() != count || bounds.steps.size() != count) {
    node.invalid("starts, ends, axes and steps differ in number");
  }
  return bounds;
}

std::int64_t from_end(std::int64_t position, std::int64_t extent) {
  return position < 0 ? position + extent : position;
}

std::vector<ValueId> lower_slice(const NodeContext& node) {
  const ValueId x = node.input(0);
  const Shape shape = node.shape_of(0);
  const Bounds bounds = read_bounds(node, shape.size());
  normalized_axes(node, bounds.axes, shape.size());
  kernels::Region region{Shape(shape.size(), 0), Shape(shape.size(), 1)};
  Shape extents = shape;
  bool changes = false;
  for (std::size_t k = 0; k < bounds.starts.size(); ++k) {
    const auto axis = static_cast<std::size_t>(node.normalized_axis(bounds.axes[k], shape.size()));
    const std::int64_t extent = shape[axis];
    std::int64_t step = bounds.steps[k];
    if (step == 0) node.invalid("a step is 0");
    // Beyond the extent, a step takes the first element only; clamped, it cannot overflow.
    step = std::clamp(step, -extent - 1, extent + 1);
    const bool forward = step > 0;
    const std::int64_t least = forward ? 0 : -1;
    const std::int64_t most = forward ? extent : extent - 1;
    const std::int64_t start =
        std::clamp(from_end(bounds.starts[k], extent), forward ? 0 : std::min<std::int64_t>(0, most), most);
    const std::int64_t end = std::clamp(from_end(bounds.ends[k], extent), least, most);
    const std::int64_t distance = forward ? end - start : start - end;
    extents[axis] = std::max<std::int64_t>(0, (distance + std::abs(step) - 1) / std::abs(step));
    region.start[axis] = extents[axis] == 0 ? 0 : start;
    region.step[axis] = extents[axis] <= 1 ? 1 : step;
    changes = changes || extents[axis] != extent || region.start[axis] != 0 || region.step[axis] != 1;
  }
  if (!changes) return {x};
  return {node.build.apply1(primitives::make_slice(std::move(region), std::move(extents)), {x})};
}

}  // namespace

std::vector<Operator> slice_operators() {
  return {
      {.type = "Slice", .since = 1, .lowering = lower_slice},
  };
}

}  // namespace mho::onnx::ops
