// LinearAttention: all update rules, groups of heads, past states; CausalConvWithState: with all optional inputs.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases linear_attention_cases(Draw& draw) {
  OperatorCases cases;
  for (const std::string rule : {"linear", "gated", "delta", "gated_delta"}) {
    const std::int64_t batch = draw.integer(1, 2), steps = draw.integer(1, 3), heads = draw.integer(1, 2);
    const std::int64_t groups = draw.integer(1, 2), keys = draw.integer(1, 3), values = draw.integer(1, 3);
    OperatorCase one{"LinearAttention " + rule, model_of_x({batch, steps, heads * groups * keys}, 27)};
    const auto give = [&](const char* name, const Shape& shape) { one.model.input(name, extents_of(shape)); };
    give("k", {batch, steps, heads * keys});
    give("v", {batch, steps, heads * values});
    std::vector<std::string> inputs{"x", "k", "v", "", "", ""};
    if (draw.coin()) {
      give("past", {batch, heads, keys, values});
      inputs[3] = "past";
    }
    if (rule.starts_with("gated")) {
      give("decay", {batch, steps, draw.coin() ? heads : heads * keys});
      inputs[4] = "decay";
    }
    if (rule.ends_with("delta")) {
      give("beta", {batch, steps, draw.coin() ? heads : 1});
      inputs[5] = "beta";
    }
    one.model.output("state");
    one.model.node("LinearAttention", inputs, {"y", "state"})
        .with("update_rule", rule)
        .with("q_num_heads", heads * groups)
        .with("kv_num_heads", heads);
    cases.push_back(std::move(one));
  }

  const std::int64_t channels = draw.integer(1, 3), kernel = draw.integer(1, 4);
  OperatorCase conv{"CausalConvWithState", model_of_x({2, channels, draw.integer(1, 5)}, 27)};
  conv.model.floats("w", {channels, 1, kernel}, draw.floats({channels, 1, kernel}));
  conv.model.floats("b", {channels}, draw.floats({channels})).output("state");
  std::vector<std::string> inputs{"x", "w", draw.coin() ? "b" : "", ""};
  if (kernel > 1 && draw.coin()) {
    conv.model.input("past", {2, channels, kernel - 1});
    inputs[3] = "past";
  }
  conv.model.node("CausalConvWithState", inputs, {"y", "state"}).with("activation", draw.coin() ? "silu" : "none");
  cases.push_back(std::move(conv));
  return cases;
}

}  // namespace mho::testing::ops
