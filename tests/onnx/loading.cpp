// Invariant: what a model declares is what Model reports, and the order or redundancy of its lists does not matter.
#include "onnx/loading.h"

#include <fmt/format.h>

#include <fstream>

namespace mho::onnx {
namespace {

TEST(OnnxLoading, DeclaredFactsAreReported) {
  ModelBuilder model(13, 7);
  model.import("com.microsoft", 1);
  model.proto().set_producer_name("pytorch");
  model.proto().set_producer_version("2.1");
  model.input("x", {2, 3}).floats("w", {3}, {1, 2, 3}).integers("axes", {1}, {0}).output("y", {2, 3});
  model.node("Mul", {"x", "w"}, {"h"});
  model.node("Relu", {"h"}, {"y"});
  const Model loaded = load(model);
  EXPECT_EQ(loaded.opset(), 13);
  EXPECT_EQ(loaded.ir_version(), 7);
  EXPECT_EQ(loaded.producer(), "pytorch 2.1");
  EXPECT_EQ(loaded.node_count(), 2U);
  EXPECT_EQ(loaded.parameter_count(), 3) << "integers are no parameters";
}

TEST(OnnxLoading, PortsKeepNumbersSymbolsAndUnknowns) {
  ModelBuilder model;
  model.input("x", {"N", 3, std::monostate{}})
      .input_without_shape("z", TensorProto::INT64)
      .input("h", {}, TensorProto::FLOAT16)
      .output("y", {"N", 3, std::monostate{}})
      .output("bare");
  model.node("Relu", {"x"}, {"y"});
  model.node("Add", {"z", "z"}, {"bare"});
  const Model loaded = load(model);
  ASSERT_EQ(loaded.inputs().size(), 3U);
  const PortInfo& x = loaded.inputs()[0];
  EXPECT_EQ(x.name, "x");
  EXPECT_EQ(x.onnx_type, "float");
  ASSERT_EQ(x.shape.size(), 3U);
  EXPECT_EQ(x.shape[0].symbol, "N");
  EXPECT_EQ(x.shape[0].extent, -1);
  EXPECT_EQ(x.shape[1].extent, 3);
  EXPECT_EQ(x.shape[2].extent, -1);
  EXPECT_EQ(x.shape[2].symbol, "");
  EXPECT_FALSE(loaded.inputs()[1].has_shape);
  EXPECT_EQ(loaded.inputs()[1].dtype, DType::i64);
  EXPECT_TRUE(loaded.inputs()[2].has_shape);
  EXPECT_EQ(loaded.inputs()[2].onnx_type, "float16");
  EXPECT_EQ(loaded.inputs()[2].dtype, DType::f32);
  ASSERT_EQ(loaded.outputs().size(), 2U);
  EXPECT_FALSE(loaded.outputs()[1].has_shape);
}

TEST(OnnxLoading, AnExtentOfMinusOneIsOpen) {
  ModelBuilder model;
  model.input("x", {-1, 3}).output("y");
  model.node("Relu", {"x"}, {"y"});
  EXPECT_EQ(load(model).inputs()[0].shape[0].extent, -1);
  EXPECT_EQ(lower(model, {{"x", {7, 3}}}).nodes().size(), 1U);
}

TEST(OnnxLoading, InitializersListedAsInputsAreNoInputs) {
  ModelBuilder model;
  model.input("x", {3}).input("w", {3}).floats("w", {3}, {1, 2, 3}).output("y", {3});
  model.node("Add", {"x", "w"}, {"y"});
  const Model loaded = load(model);
  ASSERT_EQ(loaded.inputs().size(), 1U);
  EXPECT_EQ(loaded.inputs()[0].name, "x");
}

TEST(OnnxLoading, NodesMayStandInAnyOrder) {
  ModelBuilder model;
  model.input("x", {3}).output("y", {3});
  model.node("Relu", {"b"}, {"y"});
  model.node("Exp", {"a"}, {"b"});
  model.node("Neg", {"x"}, {"a"});
  const graph::Graph graph = lower(model);
  ASSERT_EQ(graph.nodes().size(), 3U);
  EXPECT_EQ(graph.nodes()[0].origin_type, "Neg");
  EXPECT_EQ(graph.nodes()[2].origin_type, "Relu");
}

TEST(OnnxLoading, NodesThatNoOutputNeedsMayBeUnsupported) {
  ModelBuilder model = relu_model();
  model.node("TrainingOnly", {"x"}, {"unused"});
  EXPECT_EQ(lower(model).nodes().size(), 1U);
}

TEST(OnnxLoading, AnOutputMayBeAnInputOrAnInitializer) {
  ModelBuilder model;
  model.input("x", {3}).floats("w", {2}, {1, 2}).output("x", {3}).output("w", {2});
  const graph::Graph graph = lower(model);
  ASSERT_EQ(graph.outputs().size(), 2U);
  EXPECT_EQ(graph.outputs()[0], graph.inputs()[0]);
  EXPECT_TRUE(graph.is_constant(graph.outputs()[1]));
}

TEST(OnnxLoading, SeveralInputsAndOutputsKeepTheirOrder) {
  ModelBuilder model;
  model.input("b", {2}).input("a", {2}).output("second", {2}).output("first", {2});
  model.node("Sub", {"a", "b"}, {"first"});
  model.node("Add", {"a", "b"}, {"second"});
  const graph::Graph graph = lower(model);
  ASSERT_EQ(graph.inputs().size(), 2U);
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "b");
  EXPECT_EQ(graph.value(graph.inputs()[1]).name, "a");
  EXPECT_EQ(graph.outputs()[0], graph.find("second"));
  EXPECT_EQ(graph.outputs()[1], graph.find("first"));
}

TEST(OnnxLoading, EveryTensorKeepsItsName) {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4}).floats("w", {2, 2, 1, 1}, {1, 2, 3, 4}).output("y", {1, 2, 4, 4});
  model.node("Conv", {"x", "w"}, {"c"});
  model.node("Identity", {"c"}, {"same"});
  model.node("HardSwish", {"same"}, {"y"});
  const graph::Graph graph = lower(model);
  for (const char* name : {"x", "c", "same", "y"}) EXPECT_NE(graph.find(name), graph::kNoValue) << name;
  EXPECT_EQ(graph.find("c"), graph.find("same"));
}

TEST(OnnxLoading, AFileGivesWhatItsBytesGive) {
  const auto path = std::filesystem::temp_directory_path() / "mho_tests_onnx_loading.onnx";
  const std::string bytes = relu_model().serialized();
  std::ofstream(path, std::ios::binary) << bytes;
  EXPECT_EQ(Model::load(path).sha256(), load(bytes).sha256());
  std::filesystem::remove(path);
  expect_failure(failure_of([&] { static_cast<void>(Model::load(path)); }), Code::kIo, {"mho_tests_onnx_loading.onnx"});
  expect_failure(failure_of([] { static_cast<void>(Model::load(std::filesystem::temp_directory_path())); }), Code::kIo,
                 {"not a regular file"});
}

TEST(OnnxLoading, ADeepChainIsNoDeepRecursion) {
  constexpr int kNodes = 100'000;
  ModelBuilder model;
  model.input("x", {1}).output("t0", {1});
  // Written backwards, so that the order must be found.
  for (int i = 0; i < kNodes; ++i) {
    const std::string input = i + 1 == kNodes ? "x" : fmt::format("t{}", i + 1);
    model.node("Relu", {input}, {fmt::format("t{}", i)});
  }
  EXPECT_EQ(load(model).node_count(), static_cast<std::size_t>(kNodes));
  expect_failure(load_failure(model, {.nodes = 1000}), Code::kLimit, {"100000 nodes", "limit of 1000", "--max-nodes"});
}

}  // namespace
}  // namespace mho::onnx
