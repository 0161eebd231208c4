// Random cases of RNN, GRU and LSTM: directions, lengths, initial states, layouts, with weights that move as well.
#pragma once

#include "support/operator_cases.h"

namespace mho::testing {

/// `gates` per unit; `states` 2: with a cell state and peepholes.
inline OperatorCase recurrent_case(Draw& draw, const std::string& type, std::int64_t gates, int states) {
  const std::int64_t steps = draw.integer(1, 3), batch = draw.integer(1, 2), width = draw.integer(1, 3);
  const std::int64_t hidden = draw.integer(1, 3);
  const auto direction = draw.one_of<std::string>({"forward", "reverse", "bidirectional"});
  const std::int64_t directions = direction == "bidirectional" ? 2 : 1;
  const std::int64_t opset = draw.one_of<std::int64_t>({7, 14, 22});
  const bool batch_first = opset >= 14 && draw.coin();
  OperatorCase one{type, model_of_x(batch_first ? Shape{batch, steps, width} : Shape{steps, batch, width}, opset)};
  ModelBuilder& model = one.model;
  std::vector<std::string> inputs{"x"};
  const auto give = [&](const char* name, const Shape& shape, bool moves) {
    if (moves) {
      model.input(name, extents_of(shape));
    } else {
      model.floats(name, shape, draw.floats(shape, {-0.8, 0.8}));
    }
    inputs.emplace_back(name);
  };
  const auto leave_out = [&] { inputs.emplace_back(); };
  give("W", {directions, gates * hidden, width}, draw.coin());
  give("R", {directions, gates * hidden, hidden}, draw.coin());
  draw.coin() ? give("B", {directions, 2 * gates * hidden}, draw.coin()) : leave_out();
  if (draw.coin()) {
    std::vector<std::int32_t> lengths;
    for (std::int64_t n = 0; n < batch; ++n) lengths.push_back(static_cast<std::int32_t>(draw.integer(1, steps)));
    if (draw.coin()) {
      model.initializer(raw_tensor("lengths", ::onnx::TensorProto::INT32, {batch}, lengths));
    } else {
      model.input("lengths", {batch}, ::onnx::TensorProto::INT32);
      one.values.emplace("lengths", Array({batch}, std::vector<std::int64_t>(lengths.begin(), lengths.end())));
    }
    inputs.emplace_back("lengths");
  } else {
    leave_out();
  }
  const Shape state = batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden};
  draw.coin() ? give("h0", state, true) : leave_out();
  std::vector<std::string> outputs{"y", "h"};
  if (states == 2) {
    draw.coin() ? give("c0", state, true) : leave_out();
    if (draw.coin()) give("P", {directions, 3 * hidden}, draw.coin());
    outputs.emplace_back("c");
  }
  for (std::size_t i = 1; i < outputs.size(); ++i) model.output(outputs[i]);
  NodeHandle node = model.node(type, inputs, outputs).with("hidden_size", hidden).with("direction", direction);
  if (batch_first) node.with("layout", 1);
  if (type == "GRU") node.with("linear_before_reset", draw.integer(0, 1));
  if (type == "LSTM") node.with("input_forget", draw.integer(0, 1));
  return one;
}

}  // namespace mho::testing
