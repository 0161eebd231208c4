// Batching: allowed exactly where chunk b of a batched run is what example b gives alone.
#include "engine/network.h"

#include <gtest/gtest.h>

#include "support/onnx_builder.h"

namespace mho::engine::testing {
namespace {

using mho::testing::ModelBuilder;

Network network(const ModelBuilder& builder, ExampleShapes shapes) {
  const std::string bytes = builder.serialized();
  auto model = onnx::Model::parse(std::as_bytes(std::span(bytes.data(), bytes.size())));
  return {std::make_shared<const onnx::Model>(std::move(model)), std::move(shapes), kernels::make_reference_device()};
}
ExampleShapes one_input(Shape shape) { return {{{"x", std::move(shape)}}, {{"x", true}}}; }

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = 0.25F * static_cast<float>(i % 7) - 0.5F;
  return values;
}

TEST(Network, ScalesWithBatchOnTheLeadingAxisOnly) {
  EXPECT_TRUE(scales_with_batch({1, 3}, {4, 3}, 4));
  EXPECT_TRUE(scales_with_batch({5, 3}, {20, 3}, 4));
  EXPECT_FALSE(scales_with_batch({3, 1}, {3, 4}, 4));
  EXPECT_FALSE(scales_with_batch({1, 3}, {1, 3}, 4));
  EXPECT_FALSE(scales_with_batch({}, {}, 4));
  EXPECT_FALSE(scales_with_batch({1}, {4, 1}, 4));
}

TEST(Network, IndependentExamplesAreBatched) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 3}).output("y").floats("w", {3, 2}, ramp(6));
  b.node("MatMul", {"x", "w"}, {"h"});
  b.node("Relu", {"h"}, {"y"});
  const Network n = network(b, one_input({1, 3}));
  EXPECT_TRUE(n.batching().allowed) << n.batching().reason;
  EXPECT_EQ(n.graph(5)->value(n.graph(5)->find("h")).type.shape, (Shape{5, 2}));
  EXPECT_TRUE(n.cut_by_batch(n.graph(1)->find("h")));
  EXPECT_EQ(n.graph(5), n.graph(5)) << "made once";
}

TEST(Network, ExamplesThatSeeEachOtherAreLooped) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 3}).output("y");
  b.node("Softmax", {"x"}, {"y"}).with("axis", 0);
  const Network n = network(b, one_input({1, 3}));
  EXPECT_FALSE(n.batching().allowed);
  EXPECT_NE(n.batching().reason.find("'y'"), std::string::npos) << n.batching().reason;
}

// Saturated where the probe looks, so that no probe sees that examples are averaged.
TEST(Network, ReductionsOverExamplesAreLoopedWhateverAProbeSees) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 3}).output("y").floats("far", {}, {100});
  b.integers("axes", {1}, {0});
  b.node("Sub", {"x", "far"}, {"low"});
  b.node("Relu", {"low"}, {"h"});
  b.node("ReduceMean", {"h", "axes"}, {"mean"}).named("average");
  b.node("Sub", {"h", "mean"}, {"y"});
  b.proto().mutable_opset_import(0)->set_version(18);
  const Network n = network(b, one_input({1, 3}));
  EXPECT_FALSE(n.batching().allowed);
  EXPECT_NE(n.batching().reason.find("'average'"), std::string::npos) << n.batching().reason;
}

TEST(Network, OutputsWithTheBatchElsewhereAreLooped) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 3}).output("y");
  b.node("Transpose", {"x"}, {"y"});
  const Network n = network(b, one_input({1, 3}));
  EXPECT_FALSE(n.batching().allowed);
  EXPECT_NE(n.batching().reason.find("leading axis"), std::string::npos) << n.batching().reason;
}

TEST(Network, InputsWithoutAnExampleAxisAreLooped) {
  ModelBuilder b;
  b.input("x", {4, 3}).output("y");
  b.node("Relu", {"x"}, {"y"});
  const Network n = network(b, {{{"x", {4, 3}}}, {{"x", false}}});
  EXPECT_FALSE(n.batching().allowed);
  EXPECT_NE(n.batching().reason.find("'x'"), std::string::npos) << n.batching().reason;
  EXPECT_FALSE(n.cut_by_batch(n.graph(1)->find("y")));
}

// [T * N, D] and [N * T, D] have one shape: only the latter falls into a chunk per example.
TEST(Network, InterleavedExamplesAreNotCutByTheBatch) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 4, 3}).output("y");
  b.integers("rows", {2}, {-1, 3}).integers("examples", {3}, {-1, 4, 3});
  b.node("Reshape", {"x", "rows"}, {"straight"});
  b.node("Reshape", {"straight", "examples"}, {"same"});
  b.node("Transpose", {"x"}, {"time_first"}).with("perm", std::vector<std::int64_t>{1, 0, 2});
  b.node("Reshape", {"time_first", "rows"}, {"interleaved"});
  b.node("Relu", {"interleaved"}, {"hidden"});
  b.node("Shape", {"time_first"}, {"back"});
  b.node("Reshape", {"hidden", "back"}, {"unfolded"});
  b.node("Transpose", {"unfolded"}, {"batch_first"}).with("perm", std::vector<std::int64_t>{1, 0, 2});
  b.node("Add", {"batch_first", "same"}, {"y"});
  const Network n = network(b, one_input({1, 4, 3}));
  const auto graph = n.graph(1);

  EXPECT_TRUE(n.batching().allowed) << n.batching().reason;
  EXPECT_TRUE(n.cut_by_batch(graph->find("y")));
  EXPECT_TRUE(n.cut_by_batch(graph->find("straight")));
  EXPECT_FALSE(n.cut_by_batch(graph->find("interleaved")));
  EXPECT_FALSE(n.cut_by_batch(graph->find("hidden")));
  const std::vector<ValueId> ids{graph->find("hidden"), graph->find("straight"), graph->find("time_first")};
  EXPECT_EQ(n.cut_by_batch(ids), (std::vector<bool>{false, true, false}));
}

TEST(Network, IntegersAreProbedToo) {
  ModelBuilder b;
  b.input("x", {std::string("N"), 4}, ::onnx::TensorProto::INT64).output("y");
  b.floats("table", {2, 3}, ramp(6)).integers("rows", {2}, {-1, 3});
  b.node("Transpose", {"x"}, {"time_first"});
  b.node("Gather", {"table", "time_first"}, {"embedded"});
  b.node("Reshape", {"embedded", "rows"}, {"y"});
  EXPECT_FALSE(network(b, one_input({1, 4})).batching().allowed);
  // One row only: 1 is out of range, and 0 has to do.
  ModelBuilder narrow;
  narrow.input("x", {std::string("N"), 4}, ::onnx::TensorProto::INT64).output("y").floats("table", {1, 3}, ramp(3));
  narrow.node("Gather", {"table", "x"}, {"y"});
  const Network n = network(narrow, one_input({1, 4}));
  EXPECT_TRUE(n.batching().allowed) << n.batching().reason;
}

}  // namespace
}  // namespace mho::engine::testing
