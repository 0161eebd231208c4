// Invariant: what surely_cut() calls cut, is: chunk b of a batched run is what example b alone gives.
#include "engine/batch_cuts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "engine/slots.h"
#include "onnx/model.h"
#include "runs.h"
#include "support/kinked_network.h"
#include "support/onnx_builder.h"

namespace mho::engine::testing {
namespace {

using mho::testing::ModelBuilder;

constexpr std::int64_t kBatch = 3;

struct Pair {
  graph::Graph one, several;
};

/// To 1 and kBatch examples of these shapes.
Pair specialised(const onnx::Model& model, const std::map<std::string, Shape>& examples) {
  onnx::Model::Specialization one, several;
  for (const auto& [name, shape] : examples) {
    one.input_shapes[name] = several.input_shapes[name] = shape;
    several.input_shapes[name][0] *= kBatch;
  }
  several.batch_scale = kBatch;
  return {model.specialize(one), model.specialize(several)};
}
Pair specialised(const ModelBuilder& builder, const Shape& x) {
  const std::string bytes = builder.serialized();
  return specialised(onnx::Model::parse(std::as_bytes(std::span(bytes))), {{"x", x}});
}

std::vector<ValueId> cuts_of(const Pair& graphs) {
  const std::vector<bool> cut = surely_cut(graphs.one, graphs.several, kBatch);
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    if (cut[i]) ids.push_back(static_cast<ValueId>(i));
  }
  return ids;
}
bool is_cut(const Pair& graphs, const std::string& name) {
  const ValueId id = graphs.one.find(name);
  return surely_cut(graphs.one, graphs.several, kBatch)[static_cast<std::size_t>(id)];
}

/// Runs them.
void expect_cut(const Pair& graphs, unsigned seed) {
  const std::vector<ValueId> ids = cuts_of(graphs);
  const std::vector<ValueId> inputs(graphs.one.inputs().begin(), graphs.one.inputs().end());
  const auto device = std::shared_ptr<kernels::Device>(kernels::make_reference_device());
  Plan one(graphs.one, {inputs, ids, {}, {}}, device, {.optimize = false});
  Plan several(graphs.several, {inputs, ids, {}, {}}, device, {.optimize = false});
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform(-2, 2);
  std::vector<std::vector<Values>> examples(kBatch);
  for (std::vector<Values>& example : examples) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      Values& values = example.emplace_back(static_cast<std::size_t>(one.feed(i).type.elements()));
      for (double& v : values) v = uniform(random);
      write(*device, values, slot_of(several.feed(i), &example - examples.data(), kBatch));
    }
  }
  several.forward();
  for (std::int64_t b = 0; b < kBatch; ++b) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      write(*device, examples[static_cast<std::size_t>(b)][i], one.feed(i));
    }
    one.forward();
    for (std::size_t v = 0; v < ids.size(); ++v) {
      const Values expected = read(*device, one.fetch(v));
      const Values actual = read(*device, slot_of(several.fetch(v), b, kBatch));
      ASSERT_EQ(expected.size(), actual.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(expected[i], actual[i], 1e-12 * (1 + std::abs(expected[i])))
            << graphs.one.value(ids[v]).name << ", example " << b;
      }
    }
  }
}

TEST(BatchCuts, HoldInRandomNetworks) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    const mho::testing::RandomNetwork network = mho::testing::KinkedNetworkMaker(seed).make();
    Shape x = network.input;
    x.insert(x.begin(), 1);
    expect_cut(specialised(onnx::Model::parse(std::as_bytes(std::span(network.bytes))), {{"x", x}}), seed);
  }
}

TEST(BatchCuts, HoldInRealNetworksAndAreAllThereIsInConvolutionalOnes) {
  const std::filesystem::path folder = std::filesystem::path(MHO_SOURCE_DIR) / "tests/golden/data";
  for (const char* name : {"plain_cnn", "residual_reused_relu", "smooth_mlp", "two_inputs", "branches", "conv1d"}) {
    SCOPED_TRACE(name);
    const onnx::Model model = onnx::Model::load(folder / (std::string(name) + ".onnx"));
    std::map<std::string, Shape> examples;
    for (const onnx::PortInfo& input : model.inputs()) {
      for (const onnx::Dimension& d : input.shape) examples[input.name].push_back(std::max<std::int64_t>(d.extent, 1));
    }
    const Pair graphs = specialised(model, examples);
    expect_cut(graphs, 1);
    if (std::string(name) == "plain_cnn") {
      EXPECT_TRUE(surely_cut(graphs.one, graphs.several, kBatch)[static_cast<std::size_t>(graphs.one.outputs()[0])]);
    }
  }
}

std::vector<float> ramp(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = 0.25F * static_cast<float>(i % 7) - 0.5F;
  return values;
}

TEST(BatchCuts, SaysNothingOfValuesThatMixExamples) {
  ModelBuilder b(13);
  b.input("x", {std::string("N"), 3, 3}).output("y");
  b.node("Softmax", {"x"}, {"s"}).with("axis", 0);
  b.node("ReduceSum", {"s"}, {"r"}).with("keepdims", 1);
  b.node("Add", {"x", "r"}, {"sum"});
  b.node("Softmax", {"x"}, {"rows"}).with("axis", 2);
  b.node("MatMul", {"x", "x"}, {"stack"});
  b.node("Transpose", {"x"}, {"t"}).with("perm", std::vector<std::int64_t>{1, 0, 2});
  b.node("Relu", {"t"}, {"relu"});
  b.node("Identity", {"sum"}, {"y"});
  b.output("relu").output("stack").output("rows");
  const Pair graphs = specialised(b, {1, 3, 3});
  for (const char* name : {"s", "r", "sum", "t", "relu"}) EXPECT_FALSE(is_cut(graphs, name)) << name;
  for (const char* name : {"x", "rows", "stack"}) EXPECT_TRUE(is_cut(graphs, name)) << name;
  expect_cut(graphs, 1);
}

// A constant with rows of its own for every example, as positions made of the batch size would be.
TEST(BatchCuts, SaysNothingBehindConstantsThatGrowWithTheBatch) {
  ModelBuilder b(13);
  b.input("x", {std::string("N"), 3}).output("y").integers("zero", {1}, {0}).integers("one", {}, {1});
  b.integers("nought", {}, {0}).integers("column", {2}, {-1, 1}).floats("w", {3, 3}, ramp(9));
  b.node("Shape", {"x"}, {"shape"});
  b.node("Gather", {"shape", "nought"}, {"n"});
  b.node("Range", {"nought", "n", "one"}, {"numbers"});
  b.node("Cast", {"numbers"}, {"reals"}).with("to", 1);
  b.node("Reshape", {"reals", "column"}, {"positions"});
  b.node("MatMul", {"x", "w"}, {"h"});
  b.node("Add", {"h", "positions"}, {"y"});
  const Pair graphs = specialised(b, {1, 3});
  EXPECT_TRUE(is_cut(graphs, "h"));
  EXPECT_FALSE(is_cut(graphs, "y"));
}

}  // namespace
}  // namespace mho::engine::testing
