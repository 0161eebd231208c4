// Operators of com.microsoft: with and without their optional inputs, parameters that move as well.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

OperatorCase microsoft_case(const std::string& type, const Shape& x) {
  OperatorCase one{type, model_of_x(x, 17)};
  one.model.import("com.microsoft", 1);
  return one;
}

}  // namespace

OperatorCases microsoft_cases(Draw& draw) {
  OperatorCases cases;
  const std::int64_t width = draw.integer(1, 4);
  const Shape x{2, draw.integer(1, 3), width};
  for (const char* type : {"BiasGelu", "FastGelu", "QuickGelu", "Gelu"}) {
    OperatorCase one = microsoft_case(type, x);
    std::vector<std::string> inputs{"x"};
    if (std::string(type) == "BiasGelu" || (std::string(type) == "FastGelu" && draw.coin())) {
      one.model.input("b", {width});
      inputs.emplace_back("b");
    }
    one.model.node(type, inputs, {"y"}).in_domain("com.microsoft");
    cases.push_back(std::move(one));
  }
  for (const char* type : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    const bool simplified = std::string(type) != "SkipLayerNormalization";
    OperatorCase one = microsoft_case(type, {2, 2, 4});
    one.model.input("skip", {2, 2, 4}).input("gamma", {4}).floats("bias", {4}, draw.floats({4})).output("sum");
    std::vector<std::string> inputs{"x", "skip", "gamma"};
    if (!simplified) inputs.emplace_back();
    if (draw.coin()) inputs.emplace_back("bias");
    one.model.node(type, inputs, {"y", "", "", "sum"}).in_domain("com.microsoft").with("epsilon", 0.01);
    cases.push_back(std::move(one));
  }
  OperatorCase simplified = microsoft_case("SimplifiedLayerNormalization", {3, 4});
  simplified.model.input("gamma", {4}).node("SimplifiedLayerNormalization", {"x", "gamma"}, {"y"}).with("epsilon", 0.1);
  cases.push_back(std::move(simplified));

  OperatorCase embedding = microsoft_case("EmbedLayerNormalization", {5, 4});
  embedding.model.integers("ids", {2, 3}, draw.integers({2, 3}, 0, 4)).floats("places", {3, 4}, draw.floats({3, 4}));
  embedding.model.floats("gamma", {4}, draw.floats({4})).floats("beta", {4}, draw.floats({4}));
  embedding.model.node("EmbedLayerNormalization", {"ids", "", "x", "places", "", "gamma", "beta"}, {"y", "counts"})
      .in_domain("com.microsoft")
      .with("epsilon", 0.01);
  cases.push_back(std::move(embedding));

  const std::int64_t rows = draw.integer(1, 3), inner = draw.integer(1, 3), columns = draw.integer(1, 3);
  const bool trans_a = draw.coin(), trans_b = draw.coin();
  const Shape a = trans_a ? Shape{inner, rows} : Shape{rows, inner};
  const Shape b = trans_b ? Shape{columns, inner} : Shape{inner, columns};
  for (const char* type : {"FusedMatMul", "FusedGemm"}) {
    OperatorCase one = microsoft_case(type, a);
    one.model.input("b", extents_of(b));
    NodeHandle node = one.model.node(type, {"x", "b"}, {"y"}).in_domain("com.microsoft");
    node.with("transA", trans_a ? 1 : 0).with("transB", trans_b ? 1 : 0).with("alpha", 0.7);
    if (std::string(type) == "FusedGemm") node.with("activation", draw.one_of<std::string>({"Tanh", "LeakyRelu"}));
    cases.push_back(std::move(one));
  }
  OperatorCase conv = microsoft_case("FusedConv", {1, 2, 4, 4});
  conv.model.floats("w", {3, 2, 3, 3}, draw.floats({3, 2, 3, 3})).input("z", {1, 3, 4, 4});
  conv.model.node("FusedConv", {"x", "w", "", "z"}, {"y"})
      .in_domain("com.microsoft")
      .with("pads", std::vector<std::int64_t>{1, 1, 1, 1})
      .with("activation", draw.one_of<std::string>({"Relu", "Sigmoid", "HardSigmoid", "Clip"}))
      .with("activation_params", std::vector<float>{-0.5F, 0.5F});
  cases.push_back(std::move(conv));
  return cases;
}

}  // namespace mho::testing::ops
