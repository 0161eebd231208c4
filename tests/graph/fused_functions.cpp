// Functions written out in several nodes are recognised, whatever lies around them, and nothing else is taken for them.
#include <gtest/gtest.h>

#include <algorithm>

#include "graph/passes/passes.h"
#include "names.h"
#include "support/interpreter.h"
#include "support/written_out.h"

namespace mho::graph {
namespace {

using mho::testing::Ids;
using mho::testing::Writer;
using mho::testing::WrittenOut;

struct Made {
  Graph graph;
  ValueId y;
};

Made make(const WrittenOut& function) {
  Builder build;
  Ids inputs;
  for (const Shape& shape : function.inputs) inputs.push_back(build.input("in", {kReal, shape}));
  const ValueId y = function.build(build, inputs);
  build.mark_output(y);
  return {std::move(build).finish(), y};
}

TEST(FusedFunctions, AreRecognised) {
  for (const WrittenOut& function : mho::testing::written_out_functions()) {
    Made made = make(function);
    run_passes(made.graph, Ids{made.y});
    EXPECT_EQ(names_of(made.graph), Names{function.primitive}) << function.name << "\n" << made.graph.dump();
  }
}

TEST(FusedFunctions, AKeptValueInsideEndsThePattern) {
  for (const WrittenOut& function : mho::testing::written_out_functions()) {
    const Made made = make(function);
    // The nodes that the function is: a sum that is subtracted may be kept, and the rest is then another function.
    for (const Node& node : made.graph.nodes()) {
      const ValueId inner = node.outputs[0];
      if (inner == made.y) continue;
      Graph graph = made.graph;
      const Ids keep{inner, made.y};
      run_passes(graph, keep);
      bool makes_inner = false;
      for (const Node& left : graph.nodes()) makes_inner = makes_inner || left.outputs[0] == inner;
      EXPECT_TRUE(makes_inner) << function.name;
      // Gradients at the kept value are still those of y: everything from it on still reads it.
      bool read = false;
      for (const Node& left : graph.nodes()) {
        for (const ValueId id : left.inputs) read = read || id == inner;
      }
      EXPECT_TRUE(read) << function.name << " hides value " << inner << "\n" << graph.dump();
    }
  }
}

/// The names of what is left of y = build(x), x of shape [2, 3, 4].
Names left_of(const std::function<ValueId(Writer, ValueId)>& build_y) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3, 4}});
  const ValueId y = build_y(Writer(build), x);
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  run_passes(graph, Ids{y});
  return names_of(graph);
}

void expect_without(const Names& names, const std::string& primitive) {
  EXPECT_EQ(std::ranges::count(names, primitive), 0) << primitive;
}

TEST(FusedFunctions, OtherConstantsAreOtherFunctions) {
  using kernels::Unary;
  for (const auto& [half, one, scale] :
       {std::tuple{0.5, 1.0, 0.7072}, {0.5, 1.01, 0.70710678}, {0.6, 1.0, 0.70710678}}) {
    const Names names = left_of([=](Writer w, ValueId x) {
      const ValueId h = w.add(w.unary(Unary::erf, w.mul(x, w.number(scale))), w.number(one));
      return w.mul(w.mul(x, h), w.number(half));
    });
    expect_without(names, "gelu");
  }
  const Names cubic = left_of([](Writer w, ValueId x) {
    const ValueId argument =
        w.mul(w.add(x, w.mul(w.number(0.0448), w.unary(Unary::pow, x, 3))), w.number(0.7978845608));
    return w.mul(w.mul(x, w.number(0.5)), w.add(w.unary(Unary::tanh, argument), w.number(1)));
  });
  expect_without(cubic, "gelu_tanh");
}

TEST(FusedFunctions, OtherFactorsAreOtherFunctions) {
  using kernels::Unary;
  // relu(x) (1 + erf(x / sqrt 2)) / 2
  expect_without(left_of([](Writer w, ValueId x) {
                   const ValueId h = w.add(w.unary(Unary::erf, w.div(x, w.number(std::numbers::sqrt2))), w.number(1));
                   return w.mul(w.mul(w.unary(Unary::relu, x), h), w.number(0.5));
                 }),
                 "gelu");
}

TEST(FusedFunctions, OtherAxesAreOtherNormalizations) {
  using kernels::ReduceKind;
  using kernels::Unary;
  const auto with_axes = [](Shape mean, Shape variance) {
    return left_of([=](Writer w, ValueId x) {
      const ValueId c = w.sub(x, w.reduce(ReduceKind::mean, x, mean));
      const ValueId v = w.reduce(ReduceKind::mean, w.unary(Unary::pow, c, 2), variance);
      return w.div(c, w.unary(Unary::sqrt, w.add(v, w.number(1e-3))));
    });
  };
  expect_without(with_axes({1}, {1}), "normalization");
  // A mean over other axes: an RMS normalization of the difference.
  EXPECT_EQ(with_axes({1, 2}, {2}), (Names{"reduce_mean", "sub", "normalization"}));
  // Another value's variance.
  expect_without(left_of([](Writer w, ValueId x) {
                   const ValueId v = w.reduce(ReduceKind::mean, w.unary(Unary::pow, w.unary(Unary::exp, x), 2), {2});
                   return w.div(x, w.unary(Unary::sqrt, w.add(v, w.number(1e-3))));
                 }),
                 "normalization");
}

TEST(FusedFunctions, OtherSumsAreNoSoftmax) {
  using kernels::ReduceKind;
  using kernels::Unary;
  expect_without(left_of([](Writer w, ValueId x) {
                   const ValueId e = w.unary(Unary::exp, x);
                   return w.div(e, w.reduce(ReduceKind::sum, w.unary(Unary::exp, e), {2}));
                 }),
                 "softmax");
  expect_without(left_of([](Writer w, ValueId x) {
                   const ValueId e = w.unary(Unary::exp, x);
                   return w.div(e, w.reduce(ReduceKind::sum, e, {1, 2}));
                 }),
                 "softmax");
  // The maximum of another axis stays.
  EXPECT_EQ(left_of([](Writer w, ValueId x) {
              const ValueId e = w.unary(Unary::exp, w.sub(x, w.reduce(ReduceKind::max, x, {1})));
              return w.div(e, w.reduce(ReduceKind::sum, e, {2}));
            }),
            (Names{"reduce_max", "sub", "softmax"}));
}

TEST(FusedFunctions, OtherBatchesAreNoAttention) {
  Builder build;
  const ValueId q = build.input("q", {kReal, {2, 3, 4}}), k = build.input("k", {kReal, {1, 5, 4}});
  const ValueId v = build.input("v", {kReal, {2, 5, 2}});
  Writer w(build);
  const ValueId y = w.matmul(w.softmax(w.matmul(q, k, true), 2), v);
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  run_passes(graph, Ids{y});
  EXPECT_EQ(names_of(graph), (Names{"matmul", "softmax", "matmul"}));
}

}  // namespace
}  // namespace mho::graph
