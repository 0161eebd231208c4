// LSTM 1-22, unrolled. Gates in ONNX's order i, o, f, c: C_t = f C_{t-1} + i g(c), H_t = o h(C_t); peepholes P_i, P_o,
// P_f look at C_{t-1}, and at C_t for o.
#include "onnx/compose/compose.h"
#include "onnx/compose/recurrence.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_lstm(const NodeContext& node) {
  Builder& build = node.build;
  const bool input_forget = node.attributes.integer("input_forget", 0) != 0;
  const auto step = [&](const Cell& cell, ValueId gates, const std::vector<ValueId>& states) {
    const ValueId all = add(build, gates, build.apply1(primitives::make_matmul(), {states[0], cell.recurrence}));
    const auto sigmoid_gate = [&](std::int64_t k, ValueId memory) {
      ValueId x = gate(node, cell, all, k);
      if (cell.peephole != kNoValue) {
        x = add(build, x, mul(build, slice(build, cell.peephole, 0, k * cell.hidden, cell.hidden), memory));
      }
      return activate(node, cell, 0, x);
    };
    const ValueId i = sigmoid_gate(0, states[1]);
    const ValueId f = input_forget ? affine(build, i, -1, 1) : sigmoid_gate(2, states[1]);
    const ValueId c = activate(node, cell, 1, gate(node, cell, all, 3));
    const ValueId memory = add(build, mul(build, f, states[1]), mul(build, i, c));
    const ValueId o = sigmoid_gate(1, memory);
    Cell output = cell;
    output.clip = 0;  // h sees the cell state as it is
    return std::vector{mul(build, o, activate(node, output, 2, memory)), memory};
  };
  return unroll(node, {.gates = 4, .states = 2, .activations = {"Sigmoid", "Tanh", "Tanh"}}, step);
}

}  // namespace

std::vector<Operator> lstm_operators() {
  return {
      {.type = "LSTM", .since = 1, .lowering = lower_lstm},
  };
}

}  // namespace mho::onnx::ops
