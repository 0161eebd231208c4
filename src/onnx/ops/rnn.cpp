// RNN 1-22: H_t = f(W x_t + R H_{t-1} + Wb + Rb), unrolled.
#include "onnx/compose/compose.h"
#include "onnx/compose/recurrence.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_rnn(const NodeContext& node) {
  return unroll(node, {.gates = 1, .states = 1, .activations = {"Tanh"}},
                [&](const Cell& cell, ValueId gates, const std::vector<ValueId>& states) {
                  const ValueId recurrent = node.build.apply1(primitives::make_matmul(), {states[0], cell.recurrence});
                  return std::vector{activate(node, cell, 0, add(node.build, gates, recurrent))};
                });
}

}  // namespace

std::vector<Operator> rnn_operators() {
  return {
      {.type = "RNN", .since = 1, .lowering = lower_rnn},
  };
}

}  // namespace mho::onnx::ops
