// Models as people publish them: batch 1 in a Reshape, integer inputs, Softmax spelled out, layers that are no cuts.
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include <cmath>

#include "support/onnx_builder.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::ModelBuilder;

Model parse(const ModelBuilder& builder, const ModelOptions& options = {}) {
  const std::string bytes = builder.serialized();
  return Model::parse(std::as_bytes(std::span(bytes)), {}, options);
}

std::vector<float> numbers(std::int64_t count, unsigned seed) {
  const Array values = testing::random_inputs({count}, 1, seed);
  const auto span = values.as<float>();
  return {span.begin(), span.end()};
}

/// x [1, 4, 6] with the batch written into a Reshape, then two dense layers.
ModelBuilder batch_one_reshape() {
  ModelBuilder builder;
  builder.input("x", {std::int64_t{1}, std::int64_t{4}, std::int64_t{6}});
  builder.integers("shape", {2}, {1, 24}).floats("w", {24, 7}, numbers(168, 1)).floats("v", {7, 3}, numbers(21, 2));
  builder.node("Reshape", {"x", "shape"}, {"flat"});
  builder.node("MatMul", {"flat", "w"}, {"hidden"});
  builder.node("Relu", {"hidden"}, {"relu"});
  builder.node("MatMul", {"relu", "v"}, {"y"});
  builder.output("y", {std::int64_t{1}, std::int64_t{3}});
  return builder;
}

TEST(BatchOneModels, AreMicroBatchedWhereThatIsProvenTheSame) {
  const Model model = parse(batch_one_reshape());
  EXPECT_TRUE(model.inspect().batched) << model.inspect().batching;
  const Inputs inputs = {{"x", testing::random_inputs({4, 6}, 5, 3)}};
  Request request;
  const Result batched = attribute(model, inputs, request);
  EXPECT_GT(batched.micro_batch, 1);
  request.micro_batch = 1;
  const Result looped = attribute(model, inputs, request);
  for (std::int64_t i = 0; i < batched.layers[0].values.size(); ++i) {
    EXPECT_NEAR(batched.layers[0].values.at(i), looped.layers[0].values.at(i), 1e-5);
  }
}

// Subtracting the mean over the leading axis mixes examples: a batch of one hides it.
TEST(BatchOneModels, AreLoopedWhereExamplesWouldMix) {
  ModelBuilder builder;
  builder.input("x", {std::int64_t{1}, std::int64_t{6}});
  builder.floats("w", {6, 3}, numbers(18, 1));
  builder.node("ReduceMean", {"x"}, {"mean"}).with("axes", std::vector<std::int64_t>{0}).with("keepdims", 1);
  builder.node("Mul", {"mean", "x"}, {"centred"});
  builder.node("MatMul", {"centred", "w"}, {"y"});
  builder.output("y", {std::int64_t{1}, std::int64_t{3}});
  const Model model = parse(builder);
  const Inspection facts = model.inspect();
  EXPECT_FALSE(facts.batched);
  EXPECT_NE(facts.batching.find("looped"), std::string::npos);
  const Array x = testing::random_inputs({6}, 4, 5);
  const Result all = attribute(model, {{"x", x}});
  EXPECT_EQ(all.micro_batch, 1);
  for (std::int64_t n = 0; n < 4; ++n) {
    const Array one(Shape{1, 6}, x.as<float>().subspan(static_cast<std::size_t>(6 * n), 6));
    EXPECT_EQ(attribute(model, {{"x", one}}).f_input[0], all.f_input[static_cast<std::size_t>(n)]);
  }
}

TEST(IntegerInputs, HaveTheirPathBetweenEmbeddings) {
  ModelBuilder builder;
  builder.input("ids", {std::string("N"), std::int64_t{4}}, ::onnx::TensorProto::INT64);
  builder.floats("table", {9, 3}, numbers(27, 1)).floats("w", {12, 2}, numbers(24, 2));
  builder.integers("shape", {2}, {-1, 12});
  builder.node("Gather", {"table", "ids"}, {"embedded"});
  builder.node("Tanh", {"embedded"}, {"tanh"});
  builder.node("Reshape", {"tanh", "shape"}, {"flat"});
  builder.node("MatMul", {"flat", "w"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{2}});
  const Model model = parse(builder, {.precision = Precision::kDouble});
  const Inputs inputs = {{"ids", Array(Shape{2, 4}, std::vector<std::int64_t>{1, 2, 3, 4, 8, 7, 6, 5})}};
  Request request;
  request.layers = {"embedded"};
  request.tolerance = 1e-5;
  request.max_steps = 4096;
  request.baseline = 0.0;  // token 0
  const Result result = attribute(model, inputs, request);
  const auto zeros = model.run({{"ids", Array(Shape{1, 4}, std::vector<std::int64_t>(4, 0))}}).at("y");
  const auto outputs = model.run(inputs).at("y");
  for (std::size_t n = 0; n < 2; ++n) {
    const std::int64_t target = result.target[n];
    EXPECT_NEAR(result.f_baseline[n], zeros.at(target), 1e-12);
    EXPECT_NEAR(result.f_input[n], outputs.at(static_cast<std::int64_t>(n) * 2 + target), 1e-12);
    EXPECT_NEAR(result.layers[0].residual[n], 0, 1e-4);
    EXPECT_TRUE(result.layers[0].cut);
  }
  request.method = Method::kConductance;
  EXPECT_THROW(static_cast<void>(attribute(model, inputs, request)), Error);
}

TEST(FinalSoftmax, IsRecognisedWhereItIsSpelledOut) {
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{5}});
  builder.floats("w", {5, 4}, numbers(20, 1));
  builder.node("MatMul", {"x", "w"}, {"z"});
  builder.node("ReduceMax", {"z"}, {"max"}).with("axes", std::vector<std::int64_t>{1});
  builder.node("Sub", {"z", "max"}, {"shifted"});
  builder.node("Exp", {"shifted"}, {"exp"});
  builder.integers("one", {1}, {1});
  builder.node("ReduceSum", {"exp", "one"}, {"sum"});
  builder.node("Div", {"exp", "sum"}, {"p"});
  builder.output("p", {std::string("N"), std::int64_t{4}});
  const Inspection facts = parse(builder).inspect();
  EXPECT_EQ(facts.target, "z");
  EXPECT_NE(facts.target_note.find("logits"), std::string::npos);
}

TEST(Layers, BesideABypassAreNoCuts) {
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{5}});
  builder.floats("w", {5, 5}, numbers(25, 1)).floats("v", {5, 2}, numbers(10, 2));
  builder.node("MatMul", {"x", "w"}, {"a"});
  builder.node("Relu", {"a"}, {"b"});
  builder.node("Add", {"b", "x"}, {"sum"});
  builder.node("MatMul", {"sum", "v"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{2}});
  for (const Layer& layer : parse(builder).inspect().layers) {
    EXPECT_EQ(layer.cut, layer.name != "a" && layer.name != "b") << layer.name;
    EXPECT_EQ(layer.affine_from_input, layer.name == "x" || layer.name == "a") << layer.name;
    EXPECT_EQ(layer.affine_to_target, layer.name != "x" && layer.name != "a") << layer.name;
  }
}

}  // namespace
}  // namespace mho
