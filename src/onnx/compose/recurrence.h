// What RNN, GRU and LSTM share: directions, time steps, lengths, activation functions. They are unrolled.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/lowering.h"

namespace mho::onnx::ops {

/// outer * function(inner * x): ScaledTanh is no function of its own.
struct ScaledFunction {
  kernels::UnaryFunction function;
  double outer = 1;
  double inner = 1;
};

/// One direction of a recurrent operator at work on all its time steps.
struct Cell {
  ValueId recurrence = kNoValue;       ///< R transposed: [hidden, gates * hidden]
  ValueId recurrence_bias = kNoValue;  ///< Rb [gates * hidden]; kNoValue: there is none
  ValueId peephole = kNoValue;         ///< P [3 * hidden]
  std::int64_t hidden = 0;
  std::vector<ScaledFunction> activations;  ///< f, g, h
  double clip = 0;                          ///< bound of the activations' inputs; 0: none
};

/// activation `k` of a cell, with its clip.
[[nodiscard]] ValueId activate(const NodeContext& node, const Cell& cell, std::size_t k, ValueId x);
/// Columns of gate `k`: x[:, k * hidden : (k + 1) * hidden].
[[nodiscard]] ValueId gate(const NodeContext& node, const Cell& cell, ValueId x, std::int64_t k);

struct CellKind {
  std::int64_t gates = 1;
  std::size_t states = 1;                       ///< 2: with a cell state
  std::vector<std::string_view> activations{};  ///< the defaults
  bool bias_with_input = true;                  ///< Rb is added to W x + Wb ahead of time
};

/// New states from the gates' inputs W x + Wb (+ Rb) [batch, gates * hidden] and the states before, [batch, hidden]
/// each.
using Step = std::function<std::vector<ValueId>(const Cell&, ValueId gates, const std::vector<ValueId>& states)>;

/// Y, Y_h and, with two states, Y_c of the node. Inputs X, W, R, B, sequence_lens, initial states, P as in ONNX.
[[nodiscard]] std::vector<ValueId> unroll(const NodeContext& node, const CellKind& kind, const Step& step);

}  // namespace mho::onnx::ops
