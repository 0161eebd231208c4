// The graph's book-keeping: names find values, and verify() sees every broken graph.
#include "graph/graph.h"

#include <gtest/gtest.h>
#include <mho/error.h>

#include "graph/evaluate.h"
#include "primitives/primitives.h"

namespace mho::graph {
namespace {

using kernels::Unary;
using primitives::make_unary;

/// x -> relu -> a -> exp -> b
struct Chain {
  Graph graph;
  ValueId x = graph.add_input("x", {kReal, {2, 3}});
  ValueId a = graph.add_node(make_unary({Unary::relu}), {x}, "first", "Relu").front();
  ValueId b = graph.add_node(make_unary({Unary::exp}), {a}, "second", "Exp").front();
};

void expect_broken(const Graph& graph) {
  try {
    graph.verify();
    FAIL() << graph.dump();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInternal);
  }
}

TEST(Graph, ValuesHaveSeveralNamesAndTheFirstStays) {
  Chain c;
  c.graph.set_name(c.b, "y");
  c.graph.set_name(c.b, "output");
  EXPECT_EQ(c.graph.value(c.b).name, "y");
  EXPECT_EQ(c.graph.find("y"), c.b);
  EXPECT_EQ(c.graph.find("output"), c.b);
  EXPECT_EQ(c.graph.find("x"), c.x);
  EXPECT_EQ(c.graph.find("z"), kNoValue);
  EXPECT_EQ(c.graph.names().size(), 3U);
}

TEST(Graph, DumpNamesNodesAndShapes) {
  Chain c;
  c.graph.mark_output(c.b);
  const std::string text = c.graph.dump();
  for (const char* part : {"x", "relu", "exp", "[2, 3]", "first", "Exp"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST(GraphVerify, AcceptsWhatIsRight) {
  Chain c;
  c.graph.mark_output(c.b);
  EXPECT_NO_THROW(c.graph.verify());
}

TEST(GraphVerify, SeesReadingBeforeMaking) {
  Chain c;
  std::vector<Node> nodes(c.graph.nodes().begin(), c.graph.nodes().end());
  std::swap(nodes[0], nodes[1]);
  c.graph.set_nodes(std::move(nodes));
  expect_broken(c.graph);
}

TEST(GraphVerify, SeesMissingProducers) {
  Chain c;
  c.graph.mark_output(c.b);
  c.graph.set_nodes({c.graph.nodes()[0]});
  expect_broken(c.graph);
  Chain d;
  d.graph.set_nodes({d.graph.nodes()[1]});
  expect_broken(d.graph);
}

TEST(GraphVerify, SeesTwoProducers) {
  Chain c;
  std::vector<Node> nodes(c.graph.nodes().begin(), c.graph.nodes().end());
  nodes.push_back(nodes[0]);
  c.graph.set_nodes(std::move(nodes));
  expect_broken(c.graph);
}

TEST(GraphVerify, SeesWrongTypes) {
  Chain c;
  c.graph.value(c.a).type.shape = {6};
  expect_broken(c.graph);
  Chain d;
  d.graph.value(d.b).type.dtype = DType::i64;
  expect_broken(d.graph);
}

TEST(GraphVerify, SeesUnknownIds) {
  for (const ValueId id : {-1, 99}) {
    Chain c;
    std::vector<Node> nodes(c.graph.nodes().begin(), c.graph.nodes().end());
    nodes[1].inputs[0] = id;
    c.graph.set_nodes(std::move(nodes));
    expect_broken(c.graph);
  }
}

TEST(Evaluate, ConvertsRealConstantsOnlyWhereItMust) {
  const Constant floats = Constant::from(Array(Shape{2}, std::vector<float>{1, 2}));
  EXPECT_EQ(with_real_type(floats, DType::f32).data, floats.data) << "shared, not copied";
  const Constant doubles = with_real_type(floats, DType::f64);
  EXPECT_EQ(doubles.type.dtype, DType::f64);
  EXPECT_EQ(doubles.as<double>()[1], 2);
  const Constant integers = Constant::from(Array(Shape{1}, std::vector<std::int64_t>{5}));
  EXPECT_EQ(with_real_type(integers, DType::f64).data, integers.data);
}

TEST(Evaluate, ComputesInDoublePrecision) {
  const auto device = kernels::make_reference_device();
  const Constant three = Constant::from(Array(Shape{1}, std::vector<float>{3}));
  const auto third = evaluate_constants(*device, *make_unary({Unary::reciprocal}), std::vector{three});
  ASSERT_EQ(third.size(), 1U);
  EXPECT_EQ(third[0].as<double>()[0], 1.0 / 3.0);
  const auto flags = evaluate_constants(*device, *primitives::make_cast(DType::b8), std::vector{three});
  EXPECT_TRUE(flags[0].as<bool>()[0]);
}

}  // namespace
}  // namespace mho::graph
