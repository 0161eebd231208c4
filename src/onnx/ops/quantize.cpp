// QuantizeLinear 10–25, DequantizeLinear 10–25, DynamicQuantizeLinear 11, QLinearMatMul 10–21, QLinearConv 10,
// MatMulInteger 10, ConvInteger 10. Quantised values are real tensors on an integer grid; rounding is straight through.
#include "onnx/compose/quantize.h"

#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/window.h"

namespace mho::onnx::ops {

namespace {

/// The range of the type of input `i`, or of `otherwise` where its type is not known.
IntegerRange range_of_input(const NodeContext& node, std::size_t i, int otherwise) {
  const int type = node.has_input(i) ? node.element_type(i) : 0;
  if (type == 0 && node.has_input(i)) {
    node.unsupported(fmt::format("the type of input {} cannot be told: it should be a constant or an input", i));
  }
  const auto range = range_of(type == 0 ? otherwise : type);
  if (!range) node.unsupported(fmt::format("quantising to ONNX element type {}; integers of 2 to 32 bits are", type));
  return *range;
}

std::vector<ValueId> lower_quantize(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const std::int64_t block = node.attributes.integer("block_size", 0);
  const auto declared = static_cast<int>(node.attributes.integer("output_dtype", 0));
  const IntegerRange range = range_of_input(node, 2, declared == 0 ? 2 : declared);
  const ValueId scale = spread(node, node.input(1), shape, axis, block);
  const ValueId zero = node.has_input(2) ? spread(node, node.input(2), shape, axis, block) : kNoValue;
  return {quantize(node.build, node.input(0), scale, zero, range)};
}

std::vector<ValueId> lower_dequantize(const NodeContext& node) {
  const Shape shape = node.shape_of(0);
  const std::int64_t axis = node.attributes.integer("axis", 1);
  const std::int64_t block = node.attributes.integer("block_size", 0);
  const ValueId zero = node.has_input(2) ? spread(node, node.input(2), shape, axis, block) : kNoValue;
  return {dequantize(node.build, node.input(0), spread(node, node.input(1), shape, axis, block), zero)};
}

/// To uint8, with the range of x widened to contain 0.
std::vector<ValueId> lower_dynamic_quantize(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  const Shape axes = axis_range(0, node.shape_of(0).size());
  const ValueId nothing = build.scalar(0);
  const ValueId high = binary(build, Binary::max, reduce(build, ReduceKind::max, x, axes, false), nothing);
  const ValueId low = binary(build, Binary::min, reduce(build, ReduceKind::min, x, axes, false), nothing);
  const ValueId scale = affine(build, sub(build, high, low), 1.0 / 255, 0);
  const ValueId zero = quantize(build, unary(build, Unary::neg, low), scale, kNoValue, {0, 255});
  return {quantize(build, x, scale, zero, {0, 255}), scale, zero};
}

/// Rows of a (axis -2) and columns of b (axis -1) may have parameters of their own.
ValueId dequantized_operand(const NodeContext& node, std::size_t x, std::size_t scale, std::size_t zero,
                            std::int64_t axis) {
  Builder& build = node.build;
  const Shape shape = node.shape_of(x);
  const auto parameter = [&](std::size_t i) {
    const Shape given = node.shape_of(i);
    return given.size() > 1 ? node.input(i) : spread(node, node.input(i), shape, axis, 0);
  };
  return dequantize(build, node.input(x), parameter(scale), node.has_input(zero) ? parameter(zero) : kNoValue);
}

std::vector<ValueId> lower_qlinear_matmul(const NodeContext& node) {
  Builder& build = node.build;
  if (node.shape_of(0).size() < 2 || node.shape_of(3).size() < 2) node.unsupported("operands without rows and columns");
  const ValueId a = dequantized_operand(node, 0, 1, 2, -2), b = dequantized_operand(node, 3, 4, 5, -1);
  const ValueId y = build.apply1(primitives::make_matmul(), {a, b});
  const Shape shape = build.type(y).shape;
  return {quantize(build, y, spread(node, node.input(6), shape, -1, 0), spread(node, node.input(7), shape, -1, 0),
                   range_of_input(node, 7, 2))};
}

/// x less its zero point; kNoValue: none. One number, or one per element of `axis`.
ValueId centred(const NodeContext& node, std::size_t x, std::size_t zero, std::int64_t axis) {
  const ValueId value = as_real(node.build, node.input(x));
  if (!node.has_input(zero)) return value;
  return sub(node.build, value, as_real(node.build, spread(node, node.input(zero), node.shape_of(x), axis, 0)));
}

std::vector<ValueId> lower_matmul_integer(const NodeContext& node) {
  if (node.shape_of(0).size() < 2 || node.shape_of(1).size() < 2) node.unsupported("operands without rows and columns");
  return {node.build.apply1(primitives::make_matmul(), {centred(node, 0, 2, -2), centred(node, 1, 3, -1)})};
}

/// The convolution of x with weights that are input `weights` of the node.
ValueId convolve(const NodeContext& node, ValueId x, ValueId w) {
  const std::size_t axes = spatial_axes_of(node);
  const Shape shape = node.build.type(w).shape;
  if (shape.size() != axes + 2) node.invalid("weights and input have different ranks");
  kernels::ConvolutionAttributes attributes{read_window(node, Shape(shape.begin() + 2, shape.end()), axes),
                                            node.attributes.integer("group", 1)};
  apply_auto_pad(node, attributes.window, node.shape_of(0));
  return node.build.apply1(primitives::make_convolution(std::move(attributes), {}), {x, w});
}

std::vector<ValueId> lower_conv_integer(const NodeContext& node) {
  return {convolve(node, centred(node, 0, 2, 1), centred(node, 1, 3, 0))};
}

std::vector<ValueId> lower_qlinear_conv(const NodeContext& node) {
  Builder& build = node.build;
  const ValueId x = dequantized_operand(node, 0, 1, 2, 1), w = dequantized_operand(node, 3, 4, 5, 0);
  ValueId y = convolve(node, x, w);
  const Shape shape = build.type(y).shape;
  if (node.has_input(8)) {
    // The bias is an integer in units of the product of both scales.
    const ValueId unit = mul(build, reshape(build, node.input(1), {}), spread(node, node.input(4), shape, 1, 0));
    y = add(build, y, mul(build, per_channel(build, as_real(build, node.input(8)), shape.size()), unit));
  }
  return {quantize(build, y, spread(node, node.input(6), shape, 1, 0), spread(node, node.input(7), shape, 1, 0),
                   range_of_input(node, 7, 2))};
}

}  // namespace

std::vector<Operator> quantize_operators() {
  return {
      {.type = "ConvInteger", .since = 10, .lowering = lower_conv_integer},
      {.type = "DequantizeLinear", .since = 10, .lowering = lower_dequantize},
      {.type = "DequantizeLinear", .since = 1, .lowering = lower_dequantize, .domain = "com.microsoft"},
      {.type = "DynamicQuantizeLinear", .since = 11, .lowering = lower_dynamic_quantize},
      {.type = "MatMulInteger", .since = 10, .lowering = lower_matmul_integer},
      {.type = "QLinearConv", .since = 10, .lowering = lower_qlinear_conv},
      {.type = "QLinearMatMul", .since = 10, .lowering = lower_qlinear_matmul},
      {.type = "QuantizeLinear", .since = 10, .lowering = lower_quantize},
      {.type = "QuantizeLinear", .since = 1, .lowering = lower_quantize, .domain = "com.microsoft"},
  };
}

}  // namespace mho::onnx::ops
