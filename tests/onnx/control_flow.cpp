// Functions, branches and loops: lowering leaves nothing of them but their nodes, under names that say where they ran;
// what cannot be unrolled, and what would never end, is refused by name.
#include <fmt/format.h>

#include "onnx/loading.h"

namespace mho::onnx {
namespace {

::onnx::GraphProto graph_of(ModelBuilder body) { return body.proto().graph(); }

/// y = type(x) under this name.
::onnx::GraphProto branch(const std::string& type, const std::string& y) {
  ModelBuilder body(0);
  body.output(y);
  body.node(type, {"x"}, {y});
  return graph_of(std::move(body));
}

ModelBuilder if_model(const std::string& yes, const std::string& no) {
  ModelBuilder model;
  model.input("flag", {}, TensorProto::BOOL).input("x", {2}).output("y", {2});
  model.node("If", {"flag"}, {"y"})
      .named("choice")
      .with("then_branch", branch(yes, "a"))
      .with("else_branch", branch(no, "b"));
  return model;
}

graph::Graph specialize_with_flag(const ModelBuilder& model, bool flag) {
  Model::Specialization specialization;
  Array value(DType::b8, {});
  value.as<bool>()[0] = flag;
  specialization.fixed_inputs.emplace("flag", kernels::Constant::from(std::move(value)));
  return load(model).specialize(specialization);
}

std::vector<std::string> node_types(const graph::Graph& graph) {
  std::vector<std::string> types;
  for (const graph::Node& node : graph.nodes()) types.push_back(node.origin_type);
  return types;
}

TEST(OnnxControlFlow, AConstantConditionLeavesOneBranch) {
  EXPECT_EQ(node_types(specialize_with_flag(if_model("Relu", "Tanh"), true)), std::vector<std::string>{"Relu"});
  EXPECT_EQ(node_types(specialize_with_flag(if_model("Relu", "Tanh"), false)), std::vector<std::string>{"Tanh"});
}

TEST(OnnxControlFlow, WhatABranchReturnsIsKnownInsideAndOutside) {
  const graph::Graph graph = specialize_with_flag(if_model("Relu", "Tanh"), true);
  ASSERT_NE(graph.find("y"), graph::kNoValue);
  EXPECT_EQ(graph.find("y"), graph.find("a"));
  EXPECT_EQ(graph.value(graph.find("y")).name, "y");
}

TEST(OnnxControlFlow, AnUnknownOperatorMattersInTheBranchThatIsTakenOnly) {
  const ModelBuilder model = if_model("Relu", "NoSuchOperator");
  EXPECT_EQ(specialize_with_flag(model, true).nodes().size(), 1U);
  expect_failure(failure_of([&] { static_cast<void>(specialize_with_flag(model, false)); }), Code::kUnsupported,
                 {"NoSuchOperator node 'b'", "mho ops"});
}

TEST(OnnxControlFlow, BranchesOfDifferentShapesNeedAConstantCondition) {
  ModelBuilder model = if_model("Relu", "Shape");
  expect_failure(lower_failure(model), Code::kUnsupported, {"If node 'choice'", "depends on data"});
}

TEST(OnnxControlFlow, ASubgraphMayReadWhatItsOwnersMakeAndNothingElse) {
  ModelBuilder model = if_model("Relu", "Tanh");
  model.proto().mutable_graph()->mutable_node(0)->mutable_attribute(0)->mutable_g()->mutable_node(0)->set_input(
      0, "nowhere");
  expect_failure(load_failure(model), Code::kInvalidModel, {"If node 'choice'", "'nowhere'"});
}

/// h <- tanh(h + x), `trips` times; `goes_on` is the condition that every run returns.
ModelBuilder loop_model(std::int64_t trips, bool goes_on = true) {
  ModelBuilder body(0);
  body.input("k", {}, TensorProto::INT64).input("c", {}, TensorProto::BOOL).input("h", {2});
  body.output("again").output("next");
  body.initializer(testing::raw_tensor("again", TensorProto::BOOL, {}, std::vector<char>{goes_on}));
  body.node("Add", {"h", "x"}, {"sum"});
  body.node("Tanh", {"sum"}, {"next"});
  ModelBuilder model;
  model.input("x", {2}).output("y", {2});
  if (trips >= 0) model.integers("trips", {}, {trips});
  model.node("Loop", {trips >= 0 ? "trips" : "", "", "x"}, {"y"}).named("loop").with("body", graph_of(std::move(body)));
  return model;
}

TEST(OnnxControlFlow, ALoopIsUnrolledAndItsTensorsSayWhichRunMadeThem) {
  const graph::Graph graph = lower(loop_model(3));
  EXPECT_EQ(node_types(graph), (std::vector<std::string>{"Add", "Tanh", "Add", "Tanh", "Add", "Tanh"}));
  for (const char* name : {"loop/0/sum", "loop/0/next", "loop/1/sum", "loop/2/sum", "loop/2/next", "y"}) {
    EXPECT_NE(graph.find(name), graph::kNoValue) << name;
  }
  EXPECT_EQ(graph.find("loop/2/next"), graph.find("y"));
  EXPECT_EQ(lower(loop_model(0)).nodes().size(), 0U);
  EXPECT_EQ(lower(loop_model(9, false)).nodes().size(), 2U) << "the condition is seen after the first run";
}

TEST(OnnxControlFlow, LoopsThatDoNotEndAreStopped) {
  Limits limits;
  limits.unrolled_nodes = 1000;
  expect_failure(lower_failure(loop_model(std::int64_t{1} << 60), {}, limits), Code::kLimit,
                 {"1001 nodes", "limit of 1000", "--max-unrolled"});
  expect_failure(lower_failure(loop_model(-1), {}, limits), Code::kLimit,
                 {"1001 nodes", "limit of 1000", "--max-unrolled"});
}

TEST(OnnxControlFlow, RecurrencesThatUnrollToTooManyNodesAreRefused) {
  ModelBuilder model(14);
  model.input("x", {1000, 1, 1}).output("y");
  model.floats("w", {1, 1, 1}, {1}).floats("r", {1, 1, 1}, {1});
  model.node("RNN", {"x", "w", "r"}, {"y"}).with("hidden_size", 1);
  EXPECT_GT(lower(model).nodes().size(), 3000U);
  Limits limits;
  limits.primitives = 2000;
  expect_failure(lower_failure(model, {}, limits), Code::kLimit, {"RNN node 'y'", "limit of 2000", "--max-primitives"});
}

TEST(OnnxControlFlow, ALoopWhoseCourseDependsOnDataIsRefused) {
  ModelBuilder model = loop_model(3);
  model.node("ReduceSum", {"x"}, {"sum_of_x"}).with("keepdims", 0);
  model.node("Cast", {"sum_of_x"}, {"count"}).with("to", 7);
  model.proto().mutable_graph()->mutable_node(0)->set_input(0, "count");
  expect_failure(lower_failure(model), Code::kUnsupported, {"Loop node 'loop'", "trip count", "constant"});
}

TEST(OnnxControlFlow, ABodyWithTooFewInputsIsInvalid) {
  ModelBuilder model = loop_model(3);
  model.proto().mutable_graph()->mutable_node(0)->add_input("x");
  expect_failure(lower_failure(model), Code::kInvalidModel, {"Loop node 'loop'", "3 inputs"});
  ModelBuilder none = loop_model(3);
  none.proto().mutable_graph()->mutable_node(0)->clear_attribute();
  expect_failure(lower_failure(none), Code::kInvalidModel, {"Loop node 'loop'", "'body'"});
}

/// The field `attribute_proto` of a function, which the ONNX schema has since IR 9 only.
void add_default(::onnx::FunctionProto& function, const ::onnx::AttributeProto& attribute) {
  constexpr int kField = 11;
  const auto* field = function.GetDescriptor()->FindFieldByNumber(kField);
  if (field != nullptr) {
    function.GetReflection()->AddMessage(&function, field)->CopyFrom(attribute);
  } else {
    function.GetReflection()->MutableUnknownFields(&function)->AddLengthDelimited(kField,
                                                                                  attribute.SerializeAsString());
  }
}

/// local:Sharp(x) = LeakyRelu(x, alpha = @slope, 0.5 by default) + local:Twice(x), local:Twice(x) = x + x.
ModelBuilder function_model() {
  ModelBuilder model;
  model.import("local", 1);
  model.input("x", {2}).output("y", {2});
  model.node("Sharp", {"x"}, {"y"}).named("sharp").in_domain("local");
  const auto add_function = [&](const std::string& name) -> ::onnx::FunctionProto& {
    auto* function = model.proto().add_functions();
    function->set_domain("local");
    function->set_name(name);
    function->add_input("in");
    function->add_output("out");
    auto* import = function->add_opset_import();
    import->set_version(17);
    import = function->add_opset_import();
    import->set_domain("local");
    import->set_version(1);
    return *function;
  };
  ModelBuilder sharp(0), twice(0);
  auto* reference = sharp.node("LeakyRelu", {"in"}, {"bent"}).proto().add_attribute();
  reference->set_name("alpha");
  reference->set_ref_attr_name("slope");
  reference->set_type(::onnx::AttributeProto::FLOAT);
  sharp.node("Twice", {"in"}, {"double"}).named("twice").in_domain("local");
  sharp.node("Add", {"bent", "double"}, {"out"});
  twice.node("Add", {"in", "in"}, {"out"});
  auto& function = add_function("Sharp");
  *function.mutable_node() = sharp.proto().graph().node();
  ::onnx::AttributeProto slope;
  slope.set_name("slope");
  slope.set_type(::onnx::AttributeProto::FLOAT);
  slope.set_f(0.5F);
  add_default(function, slope);
  *add_function("Twice").mutable_node() = twice.proto().graph().node();
  return model;
}

/// The values of y for x = (-1, 1).
std::vector<double> values_at_one(const ModelBuilder& model) {
  Model::Specialization specialization;
  specialization.fixed_inputs.emplace("x", kernels::Constant::from(Array({2}, std::vector<float>{-1, 1})));
  const graph::Graph graph = load(model).specialize(specialization);
  const auto& constant = graph.value(graph.outputs()[0]).constant;
  if (!constant) return {};
  const auto values = constant->as<float>();
  return {values.begin(), values.end()};
}

TEST(OnnxControlFlow, FunctionsAreInlinedWithTheirAttributesAndDefaults) {
  EXPECT_EQ(values_at_one(function_model()), (std::vector<double>{-2.5, 3}));
  ModelBuilder given = function_model();
  testing::NodeHandle(given.proto().mutable_graph()->mutable_node(0)).with("slope", 0.25);
  EXPECT_EQ(values_at_one(given), (std::vector<double>{-2.25, 3}));

  const graph::Graph graph = lower(function_model());
  EXPECT_EQ(node_types(graph), (std::vector<std::string>{"LeakyRelu", "Add", "Add"}));
  for (const char* name : {"sharp/bent", "sharp/double", "sharp/twice/out", "sharp/out", "y"}) {
    EXPECT_NE(graph.find(name), graph::kNoValue) << name;
  }
}

TEST(OnnxControlFlow, FunctionsThatCallEachOtherInACircleAreRefused) {
  ModelBuilder model = function_model();
  model.proto().mutable_functions(1)->mutable_node(0)->set_op_type("Sharp");
  model.proto().mutable_functions(1)->mutable_node(0)->set_domain("local");
  model.proto().mutable_functions(1)->mutable_node(0)->mutable_input()->RemoveLast();
  expect_failure(lower_failure(model), Code::kLimit, {"65 deep"});
}

TEST(OnnxControlFlow, UnknownOperatorsOfFunctionsAreNamedOnLoading) {
  ModelBuilder model = function_model();
  model.proto().mutable_functions(1)->mutable_node(0)->set_op_type("NoSuchOperator");
  expect_failure(load_failure(model), Code::kUnsupported, {"NoSuchOperator"});
}

TEST(OnnxControlFlow, AFunctionDefinedTwiceIsInvalid) {
  ModelBuilder model = function_model();
  *model.proto().add_functions() = model.proto().functions(0);
  expect_failure(load_failure(model), Code::kInvalidModel, {"local:Sharp", "twice"});
}

TEST(OnnxControlFlow, ACallWithMoreInputsThanTheFunctionIsInvalid) {
  ModelBuilder model = function_model();
  model.proto().mutable_graph()->mutable_node(0)->add_input("x");
  expect_failure(lower_failure(model), Code::kInvalidModel, {"2 inputs"});
}

}  // namespace
}  // namespace mho::onnx
