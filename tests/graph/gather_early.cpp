// A gather at constant positions moves in front of what works position by position, and values and gradients stay.
#include <gtest/gtest.h>

#include <cmath>

#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"
#include "support/interpreter.h"

namespace mho::graph {
namespace {

using kernels::Binary;
using kernels::Unary;
using mho::testing::distance;
using mho::testing::Interpreter;
using mho::testing::largest;
using Ids = std::vector<ValueId>;

/// Attention and a residual block as transformers have them, on [2, 5, 6] with two heads, read at `positions`.
struct Encoder {
  Builder build;
  ValueId x = build.input("x", {kReal, {2, 5, 6}});
  ValueId attended, hidden, y;

  explicit Encoder(const std::vector<std::int64_t>& positions, Shape shape) {
    const auto heads = [&](double seed) {
      const ValueId split = build.apply1(primitives::make_reshape({2, 5, 2, 3}), {product(x, {6, 6}, seed)});
      return build.apply1(primitives::make_transpose({0, 2, 1, 3}), {split});
    };
    const ValueId q = heads(0.1), k = heads(0.2), v = heads(0.3);
    const ValueId mask = weights({5, 5}, 0.7);
    attended = build.apply1(primitives::make_attention({0.5, true}), {q, k, v, mask});
    const ValueId back = build.apply1(primitives::make_transpose({0, 2, 1, 3}), {attended});
    const ValueId joined = build.apply1(primitives::make_reshape({2, 5, 6}), {back});
    const ValueId first = normalized(binary(Binary::add, x, product(joined, {6, 6}, 0.4)));
    hidden = build.apply1(primitives::make_unary({Unary::tanh}), {product(first, {6, 8}, 0.5)});
    const ValueId positioned = binary(Binary::add, hidden, weights({5, 8}, 0.9));
    const ValueId second = normalized(binary(Binary::add, first, product(positioned, {8, 6}, 0.6)));
    y = build.apply1(primitives::make_gather(1), {second, build.integers(std::move(shape), positions)});
    build.mark_output(y);
  }
  ValueId weights(const Shape& shape, double seed) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < element_count(shape); ++i) {
      values.push_back(std::sin(seed + 1.7 * static_cast<double>(i)));
    }
    return build.reals(shape, values);
  }
  ValueId product(ValueId a, const Shape& shape, double seed) {
    return build.apply1(primitives::make_matmul(), {a, weights(shape, seed)});
  }
  ValueId binary(Binary f, ValueId a, ValueId b) { return build.apply1(primitives::make_binary(f), {a, b}); }
  ValueId normalized(ValueId id) {
    return binary(Binary::mul, build.apply1(primitives::make_normalization({2, 1e-5, true}), {id}), weights({6}, 0.8));
  }
};

void expect_same(const Graph& before, const Graph& after, const Ids& keep) {
  Interpreter::Values x;
  for (int i = 0; i < 60; ++i) x.push_back(0.1 * (i % 17) - 0.7);
  const std::map<ValueId, Interpreter::Values> feeds{{before.inputs()[0], x}};
  Interpreter a(before, feeds), b(after, feeds);
  for (const ValueId id : keep) EXPECT_LE(distance(a.value(id), b.value(id)), 1e-12 * (1 + largest(a.value(id))));
  Interpreter::Values cotangent(a.value(keep[0]).size());
  for (std::size_t i = 0; i < cotangent.size(); ++i) cotangent[i] = 1 - 0.3 * static_cast<double>(i);
  const Ids wanted{before.inputs()[0]};
  const auto expected = a.gradients({{keep[0], cotangent}}, wanted)[0];
  const auto actual = b.gradients({{keep[0], cotangent}}, wanted)[0];
  EXPECT_LE(distance(expected, actual), 1e-11 * (1 + largest(expected))) << after.dump();
}

/// Elements of all outputs of nodes of this name.
std::int64_t elements_of(const Graph& graph, std::string_view name) {
  std::int64_t elements = 0;
  for (const Node& node : graph.nodes()) {
    if (node.primitive->name() == name) elements += graph.value(node.outputs[0]).type.elements();
  }
  return elements;
}

TEST(GatherEarly, OnlyTheFirstTokenIsComputedBehindTheLastAttention) {
  const struct {
    std::vector<std::int64_t> positions;
    Shape shape;
    std::int64_t count;
  } cases[] = {{{0}, {}, 1}, {{-1}, {1}, 1}, {{3, 1}, {2}, 2}, {{2, 2, 0, 1}, {2, 2}, 4}};
  for (const auto& one : cases) {
    Encoder encoder(one.positions, one.shape);
    const Ids keep{encoder.y};
    const Graph before = std::move(encoder.build).finish();
    Graph after = before;
    gather_early(after, keep);
    after.verify();
    expect_same(before, after, keep);
    EXPECT_EQ(elements_of(after, "attention"), 2 * 2 * one.count * 3) << after.dump();
    EXPECT_EQ(elements_of(after, "tanh"), 2 * one.count * 8);
    EXPECT_EQ(elements_of(after, "normalization"), 2 * 2 * one.count * 6);
    // Keys and values are wanted everywhere, queries where something is read.
    EXPECT_EQ(elements_of(after, "matmul"), 2 * (2 * 5 * 6 + one.count * (6 + 6 + 8 + 6)));
  }
}

TEST(GatherEarly, WhatIsKeptStaysWhole) {
  Encoder encoder({0}, {});
  const Ids keep{encoder.y, encoder.hidden};
  const Graph before = std::move(encoder.build).finish();
  Graph after = before;
  gather_early(after, keep);
  after.verify();
  expect_same(before, after, keep);
  EXPECT_EQ(elements_of(after, "tanh"), 2 * 5 * 8);
  EXPECT_EQ(elements_of(after, "attention"), elements_of(before, "attention"));
}

TEST(GatherEarly, NothingMovesWhereAllPositionsAreRead) {
  Encoder encoder({0, 1, 2, 3, 4}, {5});
  const Ids keep{encoder.y};
  Graph graph = std::move(encoder.build).finish();
  const std::string before = graph.dump();
  gather_early(graph, keep);
  EXPECT_EQ(graph.dump(), before);
}

}  // namespace
}  // namespace mho::graph
