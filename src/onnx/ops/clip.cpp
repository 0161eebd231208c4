// Clip: bounds as attributes (opset 6) or as optional inputs (11–13).
#include <limits>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();
}

std::vector<ValueId> lower_clip_6(const NodeContext& node) {
  return {unary(node.build,
                {Unary::clip, node.attributes.real("min", -kInfinity), node.attributes.real("max", kInfinity)},
                node.input(0))};
}

std::vector<ValueId> lower_clip(const NodeContext& node) {
  Builder& build = node.build;
  const auto bound = [&](std::size_t i, double otherwise) -> std::optional<double> {
    if (!node.has_input(i)) return otherwise;
    const auto values = build.reals_of(node.input(i));
    if (!values) return std::nullopt;
    if (values->size() != 1) node.invalid("bounds must be scalars");
    return values->front();
  };
  const auto low = bound(1, -kInfinity);
  const auto high = bound(2, kInfinity);
  if (low && high && build.type(node.input(0)).is_real()) {
    // ONNX: where min > max every element becomes max.
    return {unary(build, {Unary::clip, std::min(*low, *high), *high}, node.input(0))};
  }
  ValueId x = node.input(0);
  if (node.has_input(1)) x = binary(build, Binary::max, x, node.input(1));
  if (node.has_input(2)) x = binary(build, Binary::min, x, node.input(2));
  return {x};
}

}  // namespace

std::vector<Operator> clip_operators() {
  return {
      {.type = "Clip", .since = 6, .lowering = lower_clip_6},
      {.type = "Clip", .since = 11, .lowering = lower_clip},
  };
}

}  // namespace mho::onnx::ops
