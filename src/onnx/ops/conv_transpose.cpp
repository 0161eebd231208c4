// ConvTranspose (opset 1, 11, 22): the adjoint of Conv, with output_padding, output_shape, auto_pad, groups and bias.
#include <fmt/format.h>

#include "onnx/compose/window.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

constexpr std::int64_t kMostExtent = std::int64_t{1} << 40;

/// Pads that give the wanted spatial extents (ONNX: total = stride (in - 1) + output_padding + reach - out). Where that
/// is negative, so many zeros are missing at the end: they are returned.
Shape pads_for(const NodeContext& node, kernels::Window& window, const Shape& output_padding, const Shape& wanted) {
  const bool upper = node.attributes.string("auto_pad", "NOTSET") == "SAME_UPPER";
  Shape missing(wanted.size(), 0);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] < 1 || wanted[i] > kMostExtent || output_padding[i] < 0 || output_padding[i] > kMostExtent) {
      node.invalid(fmt::format("output_shape {} or output_padding {} makes no sense", to_string(wanted),
                               to_string(output_padding)));
    }
    std::int64_t total = window.strides[i] * (node.shape_of(0)[i + 2] - 1) + output_padding[i] +
                         (window.kernel[i] - 1) * window.dilations[i] + 1 - wanted[i];
    if (total < 0) {
      missing[i] = -total;
      total = 0;
    }
    const std::int64_t half = total / 2;
    window.pads_begin[i] = upper ? half : total - half;
    window.pads_end[i] = total - window.pads_begin[i];
  }
  return missing;
}

std::vector<ValueId> lower_conv_transpose(const NodeContext& node) {
  const std::size_t axes = spatial_axes_of(node);
  const Shape& w = node.shape_of(1);
  if (w.size() != axes + 2) node.invalid("weights and input have different ranks");
  kernels::ConvolutionAttributes attributes{read_window(node, Shape(w.begin() + 2, w.end()), axes),
                                            node.attributes.integer("group", 1)};
  kernels::Window& window = attributes.window;
  const Shape output_padding = node.attributes.integers("output_padding").value_or(Shape(axes, 0));
  if (output_padding.size() != axes) node.invalid("output_padding does not fit the spatial axes");
  const std::string auto_pad = node.attributes.string("auto_pad", "NOTSET");
  Shape missing(axes, 0);
  if (auto wanted = node.attributes.integers("output_shape")) {
    if (wanted->size() == axes + 2) wanted->erase(wanted->begin(), wanted->begin() + 2);
    if (wanted->size() != axes) node.invalid("output_shape does not fit the spatial axes");
    missing = pads_for(node, window, output_padding, *wanted);
  } else if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
    Shape same(axes);
    for (std::size_t i = 0; i < axes; ++i) same[i] = node.shape_of(0)[i + 2] * window.strides[i];
    missing = pads_for(node, window, output_padding, same);
  }
  ValueId y = node.build.apply1(primitives::make_convolution_transpose(attributes, output_padding),
                                {node.input(0), node.input(1)});
  if (missing != Shape(axes, 0)) {
    missing.insert(missing.begin(), {0, 0});
    y = node.build.apply1(primitives::make_pad(Shape(axes + 2, 0), missing, 0), {y});
  }
  if (!node.has_input(2)) return {y};
  Shape channels(axes + 2, 1);
  channels[1] = node.shape_of(2).empty() ? 1 : node.shape_of(2)[0];
  const ValueId bias = node.build.apply1(primitives::make_reshape(channels), {node.input(2)});
  return {node.build.apply1(primitives::make_binary(kernels::Binary::add), {y, bias})};
}

}  // namespace

std::vector<Operator> conv_transpose_operators() {
  return {
      {.type = "ConvTranspose", .since = 1, .lowering = lower_conv_transpose},
  };
}

}  // namespace mho::onnx::ops
