// GRU 1-22, unrolled. z and r are the update and reset gates: H_t = (1 - z) h + z H_{t-1}, with
// h = g(W_h x + R_h (r H_{t-1}) + b), or g(W_h x + Wb_h + r (R_h H_{t-1} + Rb_h)) where linear_before_reset is set.
#include "onnx/compose/compose.h"
#include "onnx/compose/recurrence.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_gru(const NodeContext& node) {
  Builder& build = node.build;
  const bool linear_before_reset = node.attributes.integer("linear_before_reset", 0) != 0;
  const auto step = [&](const Cell& cell, ValueId gates, const std::vector<ValueId>& states) {
    const std::int64_t hidden = cell.hidden;
    const ValueId before = states[0];
    const auto product = [&](ValueId h, ValueId weights, ValueId bias) {
      const auto matmul = primitives::make_matmul();
      return bias == kNoValue ? build.apply1(matmul, {h, weights}) : build.apply1(matmul, {h, weights, bias});
    };
    const auto bias_part = [&](std::int64_t first, std::int64_t count) {
      return cell.recurrence_bias == kNoValue ? kNoValue : slice(build, cell.recurrence_bias, 0, first, count);
    };
    const ValueId zr = product(before, slice(build, cell.recurrence, 1, 0, 2 * hidden), bias_part(0, 2 * hidden));
    const ValueId to_h = slice(build, cell.recurrence, 1, 2 * hidden, hidden);
    const ValueId bias_h = bias_part(2 * hidden, hidden);
    const ValueId z = activate(node, cell, 0, add(build, gate(node, cell, gates, 0), gate(node, cell, zr, 0)));
    const ValueId r = activate(node, cell, 0, add(build, gate(node, cell, gates, 1), gate(node, cell, zr, 1)));
    const ValueId recurrent = linear_before_reset ? mul(build, r, product(before, to_h, bias_h))
                                                  : product(mul(build, r, before), to_h, bias_h);
    const ValueId h = activate(node, cell, 1, add(build, gate(node, cell, gates, 2), recurrent));
    return std::vector{add(build, mul(build, affine(build, z, -1, 1), h), mul(build, z, before))};
  };
  return unroll(node, {.gates = 3, .states = 1, .activations = {"Sigmoid", "Tanh"}, .bias_with_input = false}, step);
}

}  // namespace

std::vector<Operator> gru_operators() {
  return {
      {.type = "GRU", .since = 1, .lowering = lower_gru},
  };
}

}  // namespace mho::onnx::ops
