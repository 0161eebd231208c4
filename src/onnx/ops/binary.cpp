// Operators that are one binary primitive with numpy broadcasting (opset 7 on).
#include <map>

#include "onnx/ops/compose.h"
#include "onnx/ops/ops.h"

namespace mho::onnx::ops {

namespace {

const std::map<std::string_view, Binary>& table() {
  static const std::map<std::string_view, Binary> rows{
      {"Add", Binary::add},
      {"Sub", Binary::sub},
      {"Mul", Binary::mul},
      {"Div", Binary::div},
      {"Equal", Binary::equal},
      {"Less", Binary::less},
      {"LessOrEqual", Binary::less_or_equal},
      {"Greater", Binary::greater},
      {"GreaterOrEqual", Binary::greater_or_equal},
      {"And", Binary::logical_and},
      {"Or", Binary::logical_or},
      {"Xor", Binary::logical_xor},
  };
  return rows;
}

}  // namespace

std::vector<ValueId> lower_binary(const NodeContext& node) {
  return {binary(node.build, table().at(node.type), node.input(0), aligned_second_operand(node))};
}

// Before opset 7 a second operand of lower rank is aligned at the attribute `axis` instead of at the end.
ValueId aligned_second_operand(const NodeContext& node) {
  const ValueId b = node.input(1);
  const std::size_t rank = node.shape_of(0).size();
  Shape shape = node.shape_of(1);
  if (node.opset >= 7 || !node.attributes.has("axis") || shape.empty() || shape.size() >= rank) return b;
  const std::int64_t axis = node.normalized_axis(node.attributes.integer("axis", 0), rank);
  const std::size_t after = rank - static_cast<std::size_t>(axis);
  if (after < shape.size()) node.invalid("axis does not leave room for the second operand");
  shape.resize(after, 1);
  return reshape(node.build, b, shape);
}

}  // namespace mho::onnx::ops
