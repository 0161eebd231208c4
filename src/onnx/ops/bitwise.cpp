// BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot 18 and BitShift 11–28 of constants: bits have no derivative, and what
// needs them follows from shapes, weights or shared inputs.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/compose/quantize.h"

namespace mho::onnx::ops {

namespace {

/// Elements of a constant input, broadcast to `shape`.
std::vector<std::int64_t> constant_elements(const NodeContext& node, std::size_t i, const Shape& shape) {
  if (node.type_of(i).is_real()) node.invalid("it works on integers");
  static_cast<void>(node.constant_integers(i, "an operand of bits"));
  return *node.build.integers_of(broadcast(node.build, node.input(i), shape));
}

/// The low bits of a value in the integer type of the node's inputs.
std::int64_t in_type(const NodeContext& node, std::uint64_t bits) {
  const auto range = range_of(node.element_type(0));
  if (node.element_type(0) == 12) return static_cast<std::int64_t>(bits & 0xFFFFFFFFU);  // UINT32
  if (!range) return static_cast<std::int64_t>(bits);
  const auto size = static_cast<std::uint64_t>(range->high - range->low) + 1;  // a power of two
  const std::uint64_t low = bits & (size - 1);
  const bool negative = range->low < 0 && low > static_cast<std::uint64_t>(range->high);
  return static_cast<std::int64_t>(negative ? low - size : low);
}

/// Bits of the integer type of the node's inputs; 64 where it is not known.
std::int64_t width_of(const NodeContext& node) {
  switch (node.element_type(0)) {  // TensorProto.DataType
    case 2:                        // UINT8
    case 3:                        // INT8
      return 8;
    case 4:  // UINT16
    case 5:  // INT16
      return 16;
    case 6:   // INT32
    case 12:  // UINT32
      return 32;
    default:
      return 64;
  }
}

/// x shifted by y bits, as opset 28 says it: to the right with copies of the sign, and what is shifted by a negative
/// number or out of the type leaves only those.
std::int64_t shifted(const NodeContext& node, std::int64_t x, std::int64_t y, bool left) {
  const bool is_signed = node.element_type(0) != 13;  // UINT64; narrower unsigned numbers are positive here
  if (y < 0 || y >= width_of(node)) return !left && is_signed && x < 0 ? -1 : 0;
  const auto bits = static_cast<std::uint64_t>(x);
  if (left) return in_type(node, bits << y);
  return is_signed ? x >> y : static_cast<std::int64_t>(bits >> y);
}

std::vector<ValueId> lower_bitwise(const NodeContext& node) {
  const bool two = node.type != "BitwiseNot";
  const Shape shape =
      checked_size(node, two ? broadcast_shape(node, node.shape_of(0), node.shape_of(1)) : node.shape_of(0));
  std::vector<std::int64_t> a = constant_elements(node, 0, shape);
  const std::vector<std::int64_t> b = two ? constant_elements(node, 1, shape) : a;
  const bool left = node.attributes.string("direction", "LEFT") == "LEFT";
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto x = static_cast<std::uint64_t>(a[i]), y = static_cast<std::uint64_t>(b[i]);
    if (node.type == "BitwiseNot") a[i] = in_type(node, ~x);
    if (node.type == "BitwiseAnd") a[i] = in_type(node, x & y);
    if (node.type == "BitwiseOr") a[i] = in_type(node, x | y);
    if (node.type == "BitwiseXor") a[i] = in_type(node, x ^ y);
    if (node.type == "BitShift") a[i] = shifted(node, a[i], b[i], left);
  }
  return {node.build.integers(shape, std::move(a))};
}

}  // namespace

std::vector<Operator> bitwise_operators() {
  return {
      {.type = "BitShift", .since = 11, .lowering = lower_bitwise},
      {.type = "BitwiseAnd", .since = 18, .lowering = lower_bitwise},
      {.type = "BitwiseNot", .since = 18, .lowering = lower_bitwise},
      {.type = "BitwiseOr", .since = 18, .lowering = lower_bitwise},
      {.type = "BitwiseXor", .since = 18, .lowering = lower_bitwise},
  };
}

}  // namespace mho::onnx::ops
