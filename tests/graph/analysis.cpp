// Analysis: what it says about activity, relevance, affinity and cuts is what trying it out says.
#include "graph/analysis.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "graph/builder.h"
#include "primitives/primitives.h"
#include "support/interpreter.h"
#include "support/random_graph.h"

namespace mho::graph {
namespace {

using kernels::Binary;
using kernels::Unary;
using mho::testing::Interpreter;
using primitives::make_binary;
using primitives::make_unary;
using Values = std::vector<double>;

/// A graph on vectors of three elements, written like formulas.
struct Sketch {
  Builder build;

  ValueId input(const std::string& name) { return build.input(name, {kReal, {3}}); }
  ValueId add(ValueId a, ValueId b) { return build.apply1(make_binary(Binary::add), {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return build.apply1(make_binary(Binary::mul), {a, b}); }
  ValueId relu(ValueId a) { return build.apply1(make_unary({Unary::relu}), {a}); }
  ValueId twice(ValueId a) { return build.apply1(make_unary({Unary::affine, 2, 1}), {a}); }
  ValueId positive(ValueId a) { return build.apply1(make_binary(Binary::greater), {a, build.scalar(0)}); }
  ValueId where(ValueId condition, ValueId a, ValueId b) {
    return build.apply1(primitives::make_where(), {condition, a, b});
  }
};

/// One flag of all values, for comparison with a list of those that should have it.
std::vector<ValueId> having(const std::vector<bool>& flags) {
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    if (flags[i]) ids.push_back(static_cast<ValueId>(i));
  }
  return ids;
}
using Ids = std::vector<ValueId>;

TEST(Analysis, EveryValueOfAChainIsACut) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId a = s.twice(x);
  const ValueId b = s.relu(a);
  const ValueId c = s.twice(b);
  const Analysis facts = analyze(std::move(s.build).finish(), Ids{x}, c);
  EXPECT_EQ(having(facts.cut), (Ids{x, a, b, c}));
  EXPECT_EQ(having(facts.active), (Ids{x, a, b, c}));
  EXPECT_EQ(having(facts.relevant), (Ids{x, a, b, c}));
  EXPECT_EQ(having(facts.affine_from_input), (Ids{x, a}));
  EXPECT_EQ(having(facts.affine_to_target), (Ids{b, c}));
}

TEST(Analysis, BranchesOfADiamondAreNoCuts) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId top = s.relu(x);
  const ValueId left = s.twice(top);
  const ValueId right = s.relu(top);
  const ValueId joined = s.add(left, right);
  const ValueId y = s.twice(joined);
  const Analysis facts = analyze(std::move(s.build).finish(), Ids{x}, y);
  EXPECT_EQ(having(facts.cut), (Ids{x, top, joined, y}));
  EXPECT_EQ(having(facts.affine_to_target), (Ids{left, right, joined, y}));
}

TEST(Analysis, ASkipMakesWhatItPassesNoCut) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId a = s.relu(x);
  const ValueId b = s.relu(a);
  const ValueId c = s.relu(b);
  const ValueId y = s.add(c, a);  // residual: b and c can be gone around
  const Analysis facts = analyze(std::move(s.build).finish(), Ids{x}, y);
  EXPECT_EQ(having(facts.cut), (Ids{x, a, y}));
}

TEST(Analysis, TwoInputsMeetBeforeTheFirstCut) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId z = s.input("z");
  const ValueId a = s.relu(x);
  const ValueId b = s.relu(z);
  const ValueId c = s.mul(a, b);
  const ValueId y = s.twice(c);
  const Graph graph = std::move(s.build).finish();
  const Analysis both = analyze(graph, Ids{x, z}, y);
  EXPECT_EQ(having(both.cut), (Ids{c, y}));
  EXPECT_FALSE(both.affine_to_target[static_cast<std::size_t>(a)]) << "a product of two active factors";
  // With the second input held fixed its branch is a constant.
  const Analysis one = analyze(graph, Ids{x}, y);
  EXPECT_EQ(having(one.cut), (Ids{x, a, c, y}));
  EXPECT_EQ(having(one.active), (Ids{x, a, c, y}));
  EXPECT_TRUE(one.affine_to_target[static_cast<std::size_t>(a)]);
  EXPECT_TRUE(one.affine_from_input[static_cast<std::size_t>(b)]) << "what does not move is affine";
}

TEST(Analysis, ValuesBesideTheTargetDoNotCount) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId a = s.twice(x);
  const ValueId y = s.twice(a);
  const ValueId beside = s.relu(a);
  const ValueId behind = s.relu(y);
  const Analysis facts = analyze(std::move(s.build).finish(), Ids{x}, y);
  EXPECT_EQ(having(facts.cut), (Ids{x, a, y}));
  EXPECT_EQ(having(facts.relevant), (Ids{x, a, y}));
  EXPECT_TRUE(facts.active[static_cast<std::size_t>(beside)]);
  EXPECT_FALSE(facts.relevant[static_cast<std::size_t>(behind)]);
}

TEST(Analysis, AConditionThatDependsOnTheInputSpoilsAffinity) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId h = s.twice(x);
  const ValueId condition = s.positive(h);
  const ValueId small = s.mul(h, s.build.scalar(0.1));
  const ValueId y = s.where(condition, h, small);  // a leaky ReLU
  const ValueId other = s.build.apply1(make_unary({Unary::logical_not}), {condition});
  const ValueId z = s.where(other, h, y);
  const Analysis facts = analyze(std::move(s.build).finish(), Ids{x}, z);
  EXPECT_EQ(having(facts.active), (Ids{x, h, small, y, z}));
  for (const ValueId id : {condition, other, y, z}) {
    EXPECT_FALSE(facts.affine_from_input[static_cast<std::size_t>(id)]) << id;
  }
  EXPECT_TRUE(facts.affine_from_input[static_cast<std::size_t>(small)]);
  EXPECT_FALSE(facts.affine_to_target[static_cast<std::size_t>(h)]);
  EXPECT_FALSE(facts.affine_to_target[static_cast<std::size_t>(x)]);
  EXPECT_TRUE(facts.affine_to_target[static_cast<std::size_t>(y)]);
}

TEST(Analysis, MultipliersPassWhatGradientsDoNot) {
  Sketch s;
  const ValueId x = s.input("x");
  const ValueId h = s.twice(x);
  const ValueId condition = s.positive(h);
  const ValueId a = s.relu(h);
  const ValueId y = s.where(condition, a, s.build.scalar(0));
  const Graph graph = std::move(s.build).finish();
  EXPECT_EQ(having(analyze(graph, Ids{x}, y).cut), (Ids{x, h, a, y}));
  const Analysis facts = analyze(graph, Ids{x}, y, Through::everything);
  EXPECT_EQ(having(facts.cut), (Ids{x, h, y})) << "the condition goes around a";
  EXPECT_TRUE(facts.active[static_cast<std::size_t>(condition)]);
}

/// Every path from the inputs to the target crosses v: nothing reaches the target any more with v taken out.
bool is_cut(const Graph& graph, const Ids& inputs, ValueId target, ValueId v) {
  const auto reaches = [&](ValueId without) -> bool {
    std::vector<bool> reached(graph.value_count(), false);
    for (const ValueId id : inputs) reached[static_cast<std::size_t>(id)] = id != without;
    for (const Node& node : graph.nodes()) {
      if (!node.primitive->differentiable()) continue;
      const bool any =
          std::ranges::any_of(node.inputs, [&](ValueId id) { return reached[static_cast<std::size_t>(id)]; });
      for (const ValueId id : node.outputs) {
        if (any && id != without && graph.value(id).type.is_real()) reached[static_cast<std::size_t>(id)] = true;
      }
    }
    return reached[static_cast<std::size_t>(target)];
  };
  return reaches(kNoValue) && !reaches(v);
}

testing::RandomGraph draw_analyzed() {
  const auto draw = [](std::int64_t low, std::int64_t high) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
  };
  testing::RandomGraphOptions options;
  options.batch = 1;
  options.images = draw(0, 2) > 0;
  options.layers = static_cast<int>(*rc::gen::inRange(1, 10));
  options.two_inputs = draw(0, 1) == 1;
  options.most_channels = 6;
  return random_graph(static_cast<std::uint64_t>(draw(0, 1 << 30)), options);
}

RC_GTEST_PROP(Analysis, CutsAreWhereNothingGoesAround, ()) {
  const testing::RandomGraph network = draw_analyzed();
  const Analysis facts = analyze(network.graph, network.inputs, network.output);
  for (std::size_t i = 0; i < network.graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    RC_ASSERT(facts.cut[i] == is_cut(network.graph, network.inputs, network.output, id));
  }
}

/// f(1/4 a + 3/4 b) = 1/4 f(a) + 3/4 f(b)
bool mixes(const Values& a, const Values& b, const Values& between) {
  Values expected(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) expected[i] = 0.25 * a[i] + 0.75 * b[i];
  return testing::distance(expected, between) <= 1e-9 * (1 + testing::largest(expected));
}
Values mixed(const Values& a, const Values& b) {
  Values result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = 0.25 * a[i] + 0.75 * b[i];
  return result;
}

RC_GTEST_PROP(Analysis, ValuesCalledAffineInTheInputsAre, ()) {
  const testing::RandomGraph network = draw_analyzed();
  const Analysis facts = analyze(network.graph, network.inputs, network.output);
  const std::vector<Values> xs = random_inputs(network, 1);
  const std::vector<Values> ys = random_inputs(network, 2);
  std::vector<Values> between;
  for (std::size_t i = 0; i < xs.size(); ++i) between.push_back(mixed(xs[i], ys[i]));
  const Interpreter a(network.graph, testing::feed(network.inputs, xs));
  const Interpreter b(network.graph, testing::feed(network.inputs, ys));
  const Interpreter m(network.graph, testing::feed(network.inputs, between));
  std::size_t affine = 0;
  for (const Node& node : network.graph.nodes()) {
    for (const ValueId id : node.outputs) {
      if (!facts.affine_from_input[static_cast<std::size_t>(id)]) continue;
      ++affine;
      RC_ASSERT(mixes(a.value(id), b.value(id), m.value(id)));
    }
  }
  RC_TAG(affine > 0 ? "affine values" : "none");
}

RC_GTEST_PROP(Analysis, TargetsCalledAffineInAValueAre, ()) {
  const testing::RandomGraph network = draw_analyzed();
  // Logits as often as probabilities: behind a softmax nothing is affine.
  const Node& last = network.graph.nodes().back();
  const ValueId target = last.primitive->name() == "softmax" ? last.inputs[0] : network.output;
  const Analysis facts = analyze(network.graph, network.inputs, target);
  const auto feeds = testing::feed(network.inputs, random_inputs(network, 1));
  const Interpreter here(network.graph, feeds);
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  for (std::size_t i = 0; i < network.graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (!facts.active[i] || !facts.affine_to_target[i]) continue;
    Values far = here.value(id);
    for (double& v : far) v += normal(random);
    const auto target_at = [&](const Values& values) {
      auto with = feeds;
      with[id] = values;
      return Interpreter(network.graph, with).value(target);
    };
    RC_ASSERT(mixes(here.value(target), target_at(far), target_at(mixed(here.value(id), far))));
  }
}

}  // namespace
}  // namespace mho::graph
