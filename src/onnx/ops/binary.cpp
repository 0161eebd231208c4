// Operators that are one binary primitive with numpy broadcasting (opset 7 on).
#include <map>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

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

std::vector<ValueId> lower_binary(const NodeContext& node) {
  return {binary(node.build, table().at(node.type), node.input(0), aligned_second_operand(node))};
}

}  // namespace

std::vector<Operator> binary_operators() {
  return {
      {.type = "Add", .since = 1, .lowering = lower_binary},
      {.type = "And", .since = 1, .lowering = lower_binary},
      {.type = "Div", .since = 1, .lowering = lower_binary},
      {.type = "Equal", .since = 1, .lowering = lower_binary},
      {.type = "Greater", .since = 1, .lowering = lower_binary},
      {.type = "GreaterOrEqual", .since = 12, .lowering = lower_binary},
      {.type = "Less", .since = 1, .lowering = lower_binary},
      {.type = "LessOrEqual", .since = 12, .lowering = lower_binary},
      {.type = "Mul", .since = 1, .lowering = lower_binary},
      {.type = "Or", .since = 1, .lowering = lower_binary},
      {.type = "Sub", .since = 1, .lowering = lower_binary},
      {.type = "Xor", .since = 1, .lowering = lower_binary},
  };
}

}  // namespace mho::onnx::ops
