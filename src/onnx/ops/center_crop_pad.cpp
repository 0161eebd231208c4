// CenterCropPad 18: the middle of x, or zeros around it, so that the axes have the lengths asked for.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_center_crop_pad(const NodeContext& node) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(0);
  const std::vector<std::int64_t> wanted = node.constant_integers(1, "shape");
  std::vector<std::int64_t> axes = node.attributes.integers("axes").value_or(axis_range(0, shape.size()));
  if (axes.size() != wanted.size()) node.invalid(fmt::format("{} lengths for {} axes", wanted.size(), axes.size()));
  Shape begin(shape.size(), 0), end(shape.size(), 0), result = shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(node.normalized_axis(axes[i], shape.size()));
    if (wanted[i] < 0) node.invalid(fmt::format("a length of {}", wanted[i]));
    const std::int64_t missing = wanted[i] - shape[axis];
    // Negative padding crops. The odd element is at the end, of the padding and of what is cropped.
    begin[axis] = missing >= 0 ? missing / 2 : -((-missing) / 2);
    end[axis] = missing - begin[axis];
    result[axis] = wanted[i];
  }
  checked_size(node, result);
  return {build.apply1(primitives::make_pad(begin, end, 0), {node.input(0)})};
}

}  // namespace

std::vector<Operator> center_crop_pad_operators() {
  return {
      {.type = "CenterCropPad", .since = 18, .lowering = lower_center_crop_pad},
  };
}

}  // namespace mho::onnx::ops
