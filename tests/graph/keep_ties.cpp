// keep_ties: convolutions in front of a maximum keep ties, also when they are fused; those behind the last do not.
#include <gtest/gtest.h>

#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"

namespace mho::graph {
namespace {

using kernels::Unary;
using Ids = std::vector<ValueId>;

/// convolution -> relu -> pool (or mean) -> convolution -> relu.
struct Network {
  Builder build;
  ValueId y;

  explicit Network(const primitives::PrimitivePtr& between) {
    const kernels::ConvolutionAttributes attributes{{{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {}}, 1};
    const ValueId w = build.reals({1, 1, 1, 1}, {2});
    ValueId x = build.input("x", {primitives::kReal, {1, 1, 4, 4}});
    x = build.apply1(primitives::make_convolution(attributes, {}), {x, w});
    x = build.apply1(primitives::make_unary({Unary::relu}), {x});
    x = build.apply1(between, {x});
    x = build.apply1(primitives::make_convolution(attributes, {}), {x, w});
    y = build.apply1(primitives::make_unary({Unary::relu}), {x});
  }
};

/// Of each convolution, in order.
std::vector<bool> kept(const Graph& graph) {
  std::vector<bool> result;
  for (const Node& node : graph.nodes()) {
    if (const auto facts = primitives::as_convolution(*node.primitive)) {
      result.push_back(facts->attributes.keep_ties);
    }
  }
  return result;
}

const kernels::Window kWindow{{2, 2}, {2, 2}, {1, 1}, {0, 0}, {0, 0}, {}};

TEST(KeepTies, BeforeAMaxPoolAndNotBehindIt) {
  Network network(primitives::make_pool_max(kWindow));
  network.build.mark_output(network.y);
  Graph graph = std::move(network.build).finish();
  keep_ties(graph);
  EXPECT_EQ(kept(graph), (std::vector<bool>{true, false}));
  const Ids keep{network.y};
  run_passes(graph, keep);
  EXPECT_EQ(kept(graph), (std::vector<bool>{true, false})) << "fused";
}

TEST(KeepTies, EverythingBeforeALastMaximum) {
  Network network(primitives::make_pool_average(kWindow, true));
  const ValueId top = network.build.apply1(primitives::make_reduce(kernels::ReduceKind::max, {2, 3}), {network.y});
  network.build.mark_output(top);
  Graph graph = std::move(network.build).finish();
  keep_ties(graph);
  EXPECT_EQ(kept(graph), (std::vector<bool>{true, true}));
}

TEST(KeepTies, NothingWhereOnlyConstantsAreComparedWith) {
  Network network(primitives::make_pool_average(kWindow, true));
  const ValueId six = network.build.scalar(6);
  const ValueId capped = network.build.apply1(primitives::make_binary(kernels::Binary::min), {network.y, six});
  network.build.mark_output(capped);
  Graph graph = std::move(network.build).finish();
  keep_ties(graph);
  EXPECT_EQ(kept(graph), (std::vector<bool>{false, false}));
}

}  // namespace
}  // namespace mho::graph
