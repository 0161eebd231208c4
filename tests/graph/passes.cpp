// Passes: values that are kept stay what they were, gradients too; patterns are found, and nothing dead is left.
#include "graph/passes/passes.h"

#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "graph/builder.h"
#include "names.h"
#include "primitives/primitives.h"
#include "support/halves.h"
#include "support/interpreter.h"
#include "support/random_graph.h"

namespace mho::graph {
namespace {

using kernels::Binary;
using kernels::Unary;
using mho::testing::distance;
using mho::testing::Interpreter;
using mho::testing::largest;
using primitives::make_binary;
using primitives::make_unary;
using Ids = std::vector<ValueId>;
using Values = std::vector<double>;

/// conv -> batch normalization -> + shortcut -> relu, on two channels.
struct Block {
  Builder build;
  ValueId x = build.input("x", {kReal, {1, 2, 3, 3}});
  ValueId conv, scaled, shifted, sum, y;

  explicit Block(bool bias = false) {
    const kernels::ConvolutionAttributes attributes{{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {}}, 1};
    Ids operands{x, build.reals({2, 2, 1, 1}, {1, 2, 3, -4})};
    if (bias) operands.push_back(build.reals({2}, {0.5, -0.25}));
    conv = build.apply1(primitives::make_convolution(attributes, {.bias = bias}), operands);
    scaled = binary(Binary::mul, conv, build.reals({1, 2, 1, 1}, {0.5, 3}));
    shifted = binary(Binary::add, scaled, build.reals({1, 2, 1, 1}, {-1, 2}));
    sum = binary(Binary::add, shifted, x);
    y = build.apply1(make_unary({Unary::relu}), {sum});
    build.mark_output(y);
  }
  ValueId binary(Binary f, ValueId a, ValueId b) { return build.apply1(make_binary(f), {a, b}); }
};

/// The values `ids` of the graph for the input 0.1, 0.2, ...
std::vector<Values> evaluate(const Graph& graph, const Ids& ids) {
  std::map<ValueId, Values> feeds;
  for (const ValueId input : graph.inputs()) {
    Values& values = feeds[input];
    for (std::int64_t i = 0; i < graph.value(input).type.elements(); ++i) {
      values.push_back(0.1 * static_cast<double>(i % 17) - 0.7);
    }
  }
  const Interpreter run(graph, feeds);
  std::vector<Values> result;
  for (const ValueId id : ids) result.push_back(run.value(id));
  return result;
}

void expect_same(const Graph& before, const Graph& after, const Ids& ids) {
  const auto a = evaluate(before, ids);
  const auto b = evaluate(after, ids);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_LE(distance(a[i], b[i]), 1e-12 * (1 + largest(a[i]))) << "value " << ids[i] << "\n" << after.dump();
  }
}

TEST(Passes, ABlockBecomesOneConvolution) {
  for (const bool bias : {false, true}) {
    Block block(bias);
    const Ids keep{block.y};
    const Graph before = std::move(block.build).finish();
    Graph after = before;
    run_passes(after, keep);
    EXPECT_EQ(names_of(after), (Names{"convolution"})) << after.dump();
    const auto facts = primitives::as_convolution(*after.node(0).primitive);
    EXPECT_TRUE(facts->fusion.bias && facts->fusion.residual && facts->fusion.relu);
    expect_same(before, after, keep);
  }
}

TEST(Passes, AKeptConvolutionStaysUnfolded) {
  Block block;
  const Ids keep{block.conv, block.y};
  const Graph before = std::move(block.build).finish();
  Graph after = before;
  run_passes(after, keep);
  EXPECT_EQ(names_of(after), (Names{"convolution", "mul", "add", "add", "relu"})) << after.dump();
  expect_same(before, after, keep);
}

TEST(Passes, AKeptValueEndsTheFusion) {
  for (const bool bias : {false, true}) {
    for (int kept = 0; kept < 4; ++kept) {
      Block block(bias);
      const Ids inner{block.conv, block.scaled, block.shifted, block.sum};
      const Ids keep{inner[static_cast<std::size_t>(kept)], block.y};
      const Graph before = std::move(block.build).finish();
      Graph after = before;
      run_passes(after, keep);
      EXPECT_LT(after.nodes().size(), before.nodes().size() + (kept == 0 ? 1 : 0));
      expect_same(before, after, keep);
    }
  }
}

TEST(Passes, ASecondReaderEndsTheFusion) {
  Block block;
  const ValueId product = block.binary(Binary::mul, block.conv, block.y);
  const Ids keep{product};
  const Graph before = std::move(block.build).finish();
  Graph after = before;
  after.set_outputs(keep);
  run_passes(after, keep);
  EXPECT_EQ(names_of(after), (Names{"convolution", "mul", "add", "add", "relu", "mul"}));
  expect_same(before, after, keep);
}

TEST(Passes, OneSumPerConvolutionIsFused) {
  Block block;
  const ValueId second = block.binary(Binary::add, block.sum, block.x);
  const Ids keep{second};
  Graph before = std::move(block.build).finish();
  before.set_outputs(keep);
  remove_dead(before, keep);
  Graph after = before;
  run_passes(after, keep);
  EXPECT_EQ(names_of(after), (Names{"convolution", "add"})) << after.dump();
  expect_same(before, after, keep);
}

TEST(Passes, OnlyScalesPerChannelAreFolded) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {1, 2, 3, 3}});
  const kernels::ConvolutionAttributes attributes{{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {}}, 1};
  const ValueId conv =
      build.apply1(primitives::make_convolution(attributes, {}), {x, build.reals({2, 2, 1, 1}, {1, 2, 3, -4})});
  const ValueId y = build.apply1(make_binary(Binary::mul), {conv, build.reals({1, 1, 1, 3}, {1, 2, 3})});
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  run_passes(graph, Ids{y});
  EXPECT_EQ(names_of(graph), (Names{"convolution", "mul"}));
}

TEST(Passes, MatmulTakesBiasAndRelu) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3}});
  const ValueId w = build.reals({3, 2}, {1, 2, 3, 4, 5, 6});
  const ValueId product = build.apply1(primitives::make_matmul(), {x, w});
  const ValueId sum = build.apply1(make_binary(Binary::add), {build.reals({2}, {-1, 1}), product});
  const ValueId y = build.apply1(make_unary({Unary::relu}), {sum});
  build.mark_output(y);
  const Graph before = std::move(build).finish();
  Graph after = before;
  run_passes(after, Ids{y});
  EXPECT_EQ(names_of(after), (Names{"matmul"}));
  expect_same(before, after, {y});
}

TEST(Passes, ABiasThatIsNoConstantIsLeftAlone) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3}});
  const ValueId b = build.input("b", {kReal, {2}});
  const ValueId w = build.reals({3, 2}, {1, 2, 3, 4, 5, 6});
  const ValueId product = build.apply1(primitives::make_matmul(), {x, w});
  const ValueId y = build.apply1(make_binary(Binary::add), {product, b});
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  run_passes(graph, Ids{y});
  EXPECT_EQ(names_of(graph), (Names{"matmul", "add"}));
}

TEST(Passes, EachCanBeDisabledByName) {
  std::set<std::string> names;
  for (const Pass& pass : all_passes()) {
    EXPECT_TRUE(names.emplace(pass.name).second);
    Block block;
    const Ids keep{block.y};
    const Graph before = std::move(block.build).finish();
    Graph after = before;
    run_passes(after, keep, std::vector<std::string>{std::string(pass.name)});
    // The passes for functions have nothing to do here.
    const bool needed = pass.name == "fold_batch_normalization" || pass.name == "fuse_sums" || pass.name == "fuse_relu";
    EXPECT_EQ(names_of(after) != (Names{"convolution"}), needed) << pass.name;
    expect_same(before, after, keep);
  }
  Block block;
  Graph graph = std::move(block.build).finish();
  const std::size_t nodes = graph.nodes().size();
  run_passes(graph, Ids{block.y}, std::vector<std::string>(names.begin(), names.end()));
  EXPECT_EQ(graph.nodes().size(), nodes);
  EXPECT_THROW(run_passes(graph, Ids{block.y}, std::vector<std::string>{"fuse"}), Error);
}

TEST(RemoveDead, KeepsExactlyWhatIsNeeded) {
  Block block;
  const ValueId shifted = block.shifted;
  block.build.apply1(make_unary({Unary::exp}), {block.conv});
  Graph graph = std::move(block.build).finish();
  graph.set_outputs({shifted});
  remove_dead(graph, Ids{shifted});
  EXPECT_EQ(names_of(graph), (Names{"convolution", "mul", "add"}));
  EXPECT_NO_THROW(graph.verify());
  EXPECT_EQ(graph.value(block.sum).producer, kNoNode);
}

TEST(CutAt, FeedsBecomeTheInputs) {
  Block block;
  const Graph whole = std::move(block.build).finish();
  Graph graph = whole;
  const Ids feeds{block.shifted, block.x};
  cut_at(graph, feeds);
  EXPECT_EQ(Ids(graph.inputs().begin(), graph.inputs().end()), feeds);
  EXPECT_EQ(graph.value(block.shifted).producer, kNoNode);
  EXPECT_NO_THROW(graph.verify());
  remove_dead(graph, Ids{block.y});
  EXPECT_EQ(names_of(graph), (Names{"add", "relu"}));
}

TEST(CutAt, ANodeWithAnotherOutputStays) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {4}});
  const Ids halves = build.apply(std::make_shared<mho::testing::Halves>(), {x});
  const ValueId y = build.apply1(make_binary(Binary::add), {halves[0], halves[1]});
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  Graph whole = graph;
  cut_at(graph, Ids{x, halves[1]});
  EXPECT_NO_THROW(graph.verify());
  EXPECT_EQ(names_of(graph), (Names{"halves", "add"}));
  const Interpreter run(graph, {{x, {1, 2, 3, 4}}, {halves[1], {10, 20}}});
  EXPECT_EQ(run.value(y), (Values{11, 22}));
  cut_at(whole, halves);
  EXPECT_EQ(names_of(whole), (Names{"add"}));
}

TEST(CutAt, AFedConstantIsNoConstantAnyMore) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  const ValueId c = build.reals({2}, {1, 2});
  const ValueId y = build.apply1(make_binary(Binary::mul), {x, c});
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  cut_at(graph, Ids{x, c});
  EXPECT_FALSE(graph.is_constant(c));
  EXPECT_NO_THROW(graph.verify());
}

testing::RandomGraph draw_unfused() {
  const auto draw = [](std::int64_t low, std::int64_t high) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
  };
  testing::RandomGraphOptions options;
  options.images = draw(0, 3) > 0;
  options.layers = static_cast<int>(*rc::gen::inRange(1, 9));
  options.two_inputs = draw(0, 3) == 0;
  options.most_channels = 9;
  return random_graph(static_cast<std::uint64_t>(draw(0, 1 << 30)), options);
}

/// The kept values and the gradients at them, before and after a rewrite.
void expect_equivalent(const testing::RandomGraph& network, const Graph& rewritten, const Ids& keep) {
  const auto feeds = testing::feed(network.inputs, random_inputs(network, 5));
  Interpreter before(network.graph, feeds);
  Interpreter after(rewritten, feeds);
  for (const ValueId id : keep) {
    const Values expected = before.value(id);
    RC_ASSERT(after.has(id));
    RC_ASSERT(distance(expected, after.value(id)) <= 1e-10 * (1 + largest(expected)));
  }
  Values cotangent(before.value(network.output).size());
  for (std::size_t i = 0; i < cotangent.size(); ++i) cotangent[i] = 1 - 0.3 * static_cast<double>(i);
  Ids wanted = network.inputs;
  wanted.insert(wanted.end(), keep.begin(), keep.end());
  const auto expected = before.gradients({{network.output, cotangent}}, wanted);
  const auto actual = after.gradients({{network.output, cotangent}}, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    RC_ASSERT(distance(expected[i], actual[i]) <= 1e-9 * (1 + largest(expected[i])));
  }
}

RC_GTEST_PROP(Passes, KeepValuesAndGradientsOfRandomNetworks, ()) {
  const testing::RandomGraph network = draw_unfused();
  Ids keep{network.output};
  for (const ValueId id : network.layers) {
    if (*rc::gen::inRange(0, 4) == 0) keep.push_back(id);
  }
  std::vector<std::string> disabled;
  for (const Pass& pass : all_passes()) {
    if (*rc::gen::inRange(0, 4) == 0) disabled.emplace_back(pass.name);
  }
  Graph graph = network.graph;
  run_passes(graph, keep, disabled);
  expect_equivalent(network, graph, keep);

  // Nothing dead is left: without any one node something that is kept is missing.
  std::set<ValueId> read(keep.begin(), keep.end());
  for (const Node& node : graph.nodes()) read.insert(node.inputs.begin(), node.inputs.end());
  for (const Node& node : graph.nodes()) {
    RC_ASSERT(std::ranges::any_of(node.outputs, [&](ValueId id) { return read.contains(id); }));
  }
}

RC_GTEST_PROP(Passes, EachAloneKeepsRandomNetworks, ()) {
  const testing::RandomGraph network = draw_unfused();
  const Ids keep{network.output};
  for (const Pass& pass : all_passes()) {
    Graph graph = network.graph;
    pass.run(graph, keep);
    graph.verify();
    expect_equivalent(network, graph, keep);
  }
}

RC_GTEST_PROP(CutAt, TheRestComputesTheSame, ()) {
  const testing::RandomGraph network = draw_unfused();
  const ValueId layer = *rc::gen::elementOf(network.layers);
  Graph graph = network.graph;
  Ids feeds = network.inputs;
  feeds.push_back(layer);
  cut_at(graph, feeds);
  graph.verify();
  const auto inputs = testing::feed(network.inputs, random_inputs(network, 3));
  const Interpreter whole(network.graph, inputs);
  auto fed = inputs;
  fed[layer] = whole.value(layer);
  RC_ASSERT(distance(whole.value(network.output), Interpreter(graph, fed).value(network.output)) == 0);
}

}  // namespace
}  // namespace mho::graph
