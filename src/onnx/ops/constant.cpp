// Constant 1–25: value, value_float, value_floats, value_int, value_ints.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_constant(const NodeContext& node) {
  const Attributes& attributes = node.attributes;
  Builder& build = node.build;
  if (auto tensor = attributes.tensor("value")) return {build.constant(std::move(*tensor))};
  if (attributes.has("value_float")) return {build.scalar(attributes.real("value_float", 0))};
  if (attributes.has("value_int")) return {build.integers({}, {attributes.integer("value_int", 0)})};
  if (auto reals = attributes.reals("value_floats")) {
    const auto count = static_cast<std::int64_t>(reals->size());
    return {build.reals({count}, std::move(*reals))};
  }
  if (auto integers = attributes.integers("value_ints")) {
    const auto count = static_cast<std::int64_t>(integers->size());
    return {build.integers({count}, std::move(*integers))};
  }
  if (attributes.has("sparse_value")) node.unsupported("sparse constants are not available");
  if (attributes.has("value_string") || attributes.has("value_strings")) node.unsupported("strings are not available");
  node.invalid("it has no value");
}

}  // namespace

std::vector<Operator> constant_operators() {
  return {
      {.type = "Constant", .since = 1, .lowering = lower_constant},
  };
}

}  // namespace mho::onnx::ops
