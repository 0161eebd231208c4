// Invariant: every supported operator lowers, and every other is refused by name, all at once, with the way out.
#include <fmt/format.h>

#include <set>

#include "onnx/loading.h"
#include "support/operator_cases.h"
#include "support/operator_models.h"

namespace mho::onnx {
namespace {

/// The elements of an output that folded to a constant.
std::vector<float> output_values(const graph::Graph& graph, std::size_t output) {
  const auto& constant = graph.value(graph.outputs()[output]).constant;
  if (!constant) return {};
  const auto values = constant->as<float>();
  return {values.begin(), values.end()};
}

TEST(OnnxOperators, EveryOperatorModelLowersToAValidGraph) {
  for (const auto& [name, model] : testing::operator_models()) {
    SCOPED_TRACE(name);
    try {
      const graph::Graph graph = lower(model);
      graph.verify();
      EXPECT_EQ(graph.outputs().size(), 1U);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  lower(testing::sample_network(), {{"x", {2, 2, 6, 6}}}).verify();
}

TEST(OnnxOperators, EveryCaseLowersToAValidGraph) {
  for (const testing::OperatorCase& one : testing::operator_cases(1)) {
    SCOPED_TRACE(one.name);
    try {
      lower(one.model).verify();
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(OnnxOperators, EverySupportedOperatorHasAModel) {
  std::set<std::string> covered;
  const auto cover = [&](ModelBuilder& model) {
    for (const auto& node : model.proto().graph().node()) covered.insert(node.domain() + ":" + node.op_type());
  };
  for (auto& [name, model] : testing::operator_models()) cover(model);
  for (testing::OperatorCase& one : testing::operator_cases(1)) cover(one.model);
  for (const OperatorFacts& facts : supported_operators()) {
    EXPECT_TRUE(covered.contains(facts.domain + ":" + facts.type)) << facts.domain << ":" << facts.type;
  }
}

TEST(OnnxOperators, AllUnknownOperatorsAreNamedAtOnce) {
  ModelBuilder model;
  model.import("com.acme", 2);
  model.input("x", {2}).output("y", {2});
  model.node("StringNormalizer", {"x"}, {"a"}).named("first_one");
  model.node("StringNormalizer", {"a"}, {"b"}).named("second_one");
  model.node("Bernoulli", {"b"}, {"c"});
  model.node("Relu", {"c"}, {"d"}).in_domain("com.acme");
  model.node("Relu", {"d"}, {"y"});
  expect_failure(load_failure(model), Code::kUnsupported,
                 {"StringNormalizer", "2 nodes", "'first_one'", "Bernoulli", "node 'c'", "com.acme:Relu", "mho ops",
                  std::to_string(supported_operators().size()).c_str()});
}

TEST(OnnxOperators, AnOperatorOlderThanItsLoweringIsRefused) {
  // Before opset 6, Abs had another attribute; before 11, Round did not exist.
  expect_failure(load_failure([] {
                   ModelBuilder model(10);
                   model.input("x", {2}).output("y");
                   model.node("Round", {"x"}, {"y"});
                   return model;
                 }()),
                 Code::kUnsupported, {"Round", "opset 10"});
}

TEST(OnnxOperators, ADomainThatIsNotImportedIsRefused) {
  ModelBuilder model = relu_model();
  model.proto().mutable_graph()->mutable_node(0)->set_domain("com.acme");
  expect_failure(load_failure(model), Code::kInvalidModel, {"'com.acme'", "Relu node 'relu'", "import"});

  expect_failure(load_failure(relu_model(0)), Code::kInvalidModel, {"Relu node 'relu'", "import"});
}

TEST(OnnxOperators, TheStandardDomainHasTwoNames) {
  ModelBuilder model(0);
  model.import("ai.onnx", 17);
  model.input("x", {2}).output("y", {2});
  model.node("Relu", {"x"}, {"a"});
  model.node("Relu", {"a"}, {"y"}).in_domain("ai.onnx");
  EXPECT_EQ(load(model).opset(), 17);
  EXPECT_EQ(lower(model).nodes().size(), 2U);
}

TEST(OnnxOperators, OldAndFutureVersionsAreRefusedWithTheWayOut) {
  expect_failure(load_failure(relu_model(7, 2)), Code::kUnsupported, {"IR version 2", "3 and later"});
  expect_failure(load_failure(relu_model(99)), Code::kUnsupported, {"opset 99", "up to", "export"});
  expect_failure(load_failure(relu_model(-1)), Code::kInvalidModel, {"version -1"});
  EXPECT_NO_THROW(static_cast<void>(lower(relu_model(6, 3))));
  EXPECT_NO_THROW(static_cast<void>(lower(relu_model(22, 13))));
}

TEST(OnnxOperators, LegacyBroadcastingIsAlongItsAxis) {
  const auto legacy = [](int axis) {
    ModelBuilder model(6, 3);
    model.floats("x", {1, 3, 2}, {0, 0, 10, 10, 20, 20}).floats("w", {3}, {1, 2, 3}).output("y", {1, 3, 2});
    model.node("Add", {"x", "w"}, {"y"}).named("sum").with("broadcast", 1).with("axis", axis);
    return model;
  };
  const graph::Graph graph = lower(legacy(1));
  EXPECT_EQ(output_values(graph, 0), (std::vector<float>{1, 1, 12, 12, 23, 23}));
  expect_failure(lower_failure(legacy(2)), Code::kInvalidModel, {"add", "[1, 3, 2]", "[3]"});
}

TEST(OnnxOperators, TheExtremumOfNothingIsTheIdentity) {
  ModelBuilder model(20);
  model.floats("x", {2, 0}, {}).integers("axes", {1}, {1}).output("largest").output("smallest");
  model.node("ReduceMax", {"x", "axes"}, {"largest"}).with("keepdims", 0);
  model.node("ReduceMin", {"x", "axes"}, {"smallest"}).with("keepdims", 0);
  const graph::Graph graph = lower(model);
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(output_values(graph, 0), (std::vector<float>{-infinity, -infinity}));
  EXPECT_EQ(output_values(graph, 1), (std::vector<float>{infinity, infinity}));
}

TEST(OnnxOperators, PositionsOfExtremaStayInRangeForNaN) {
  ModelBuilder model(13);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  model.floats("x", {2, 3}, {nan, nan, nan, 1, 7, 7}).output("first").output("last");
  model.node("ArgMax", {"x"}, {"first"}).with("axis", 1).with("keepdims", 0);
  model.node("ArgMax", {"x"}, {"last"}).with("axis", 1).with("keepdims", 0).with("select_last_index", 1);
  const graph::Graph graph = lower(model);
  for (const std::size_t output : {0U, 1U}) {
    const auto positions = graph.value(graph.outputs()[output]).constant->as<std::int64_t>();
    EXPECT_GE(positions[0], 0);
    EXPECT_LT(positions[0], 3);
    EXPECT_EQ(positions[1], output == 0 ? 1 : 2);
  }
}

TEST(OnnxOperators, TrainingModeIsRefused) {
  ModelBuilder old(6, 3);
  old.input("x", {2}).output("y", {2});
  old.node("Dropout", {"x"}, {"y"}).named("drop").with("ratio", 0.5);
  expect_failure(load_failure(old), Code::kUnsupported, {"Dropout node 'drop'", "training"});
  ModelBuilder inference(6, 3);
  inference.input("x", {2}).output("y", {2});
  inference.node("Dropout", {"x"}, {"y"}).with("ratio", 0.5).with("is_test", 1);
  EXPECT_EQ(lower(inference).nodes().size(), 0U);

  const auto flagged = [](bool training) {
    ModelBuilder model(13);
    model.input("x", {2}).output("y", {2}).floats("ratio", {}, {0.5F});
    model.initializer(testing::raw_tensor("training", TensorProto::BOOL, {}, std::vector<char>{training}));
    model.node("Dropout", {"x", "ratio", "training"}, {"y"}).named("drop");
    return model;
  };
  EXPECT_EQ(lower(flagged(false)).nodes().size(), 0U);
  expect_failure(lower_failure(flagged(true)), Code::kUnsupported, {"Dropout node 'drop'", "training", "inference"});

  ModelBuilder normalization(15);
  normalization.input("x", {1, 2, 3}).output("y").floats("s", {2}, {1, 1});
  normalization.node("BatchNormalization", {"x", "s", "s", "s", "s"}, {"y"}).named("bn").with("training_mode", 1);
  expect_failure(lower_failure(normalization), Code::kUnsupported, {"BatchNormalization node 'bn'", "training"});
}

TEST(OnnxOperators, AttributesOfTheWrongTypeAreNamed) {
  ModelBuilder model;
  model.input("x", {2, 3}).output("y");
  model.node("Softmax", {"x"}, {"y"}).named("soft").with("axis", 1.5);
  expect_failure(lower_failure(model), Code::kInvalidModel, {"Softmax node 'soft'", "'axis'", "FLOAT", "INT"});
}

TEST(OnnxOperators, OptionalOutputsAreMadeWhereTheyCanBe) {
  ModelBuilder dropout(13);
  dropout.input("x", {2}).output("y").output("mask", {2}, TensorProto::BOOL);
  dropout.node("Dropout", {"x"}, {"y", "mask"});
  const graph::Graph graph = lower(dropout);
  EXPECT_TRUE(graph.is_constant(graph.outputs()[1]));
  EXPECT_EQ(graph.value(graph.outputs()[1]).type.dtype, DType::b8);

  ModelBuilder skipped(18);
  skipped.input("x", {2, 4}).output("b");
  skipped.node("Split", {"x"}, {"", "b"}).with("axis", 1).with("num_outputs", 2);
  EXPECT_EQ(lower(skipped).outputs().size(), 1U);

  ModelBuilder indices(12);
  indices.input("x", {1, 1, 4}).output("y").output("i", {1, 1, 3}, TensorProto::INT64);
  indices.node("MaxPool", {"x"}, {"y", "i"}).with("kernel_shape", std::vector<std::int64_t>{2});
  const graph::Graph pooled = lower(indices);
  EXPECT_EQ(pooled.value(pooled.outputs()[1]).type.dtype, DType::i64);
  EXPECT_EQ(pooled.value(pooled.outputs()[1]).type.shape, (Shape{1, 1, 3}));

  // Statistics of the batch are those of training.
  ModelBuilder statistics(9);
  statistics.input("x", {2, 1}).floats("one", {1}, {1}).output("y").output("m");
  statistics.node("BatchNormalization", {"x", "one", "one", "one", "one"}, {"y", "m"}).named("norm");
  expect_failure(lower_failure(statistics), Code::kUnsupported, {"'m'", "optional output"});
}

TEST(OnnxOperators, MissingInputsAreNamed) {
  ModelBuilder model;
  model.input("x", {2}).output("y");
  model.node("Add", {"x"}, {"y"}).named("sum");
  expect_failure(lower_failure(model), Code::kInvalidModel, {"Add node 'sum'", "input 1"});
  ModelBuilder omitted;
  omitted.input("x", {2}).output("y");
  omitted.node("Conv", {"", "x"}, {"y"}).named("conv");
  expect_failure(lower_failure(omitted), Code::kInvalidModel, {"Conv node 'conv'", "input 0"});
}

}  // namespace
}  // namespace mho::onnx
