// Blocked layouts: chosen where convolutions want them, agreed on by every node, and nothing is lost on the way.
#include "engine/layouts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "engine/slots.h"
#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"
#include "runs.h"

namespace mho::engine::testing {
namespace {

using graph::Graph;
using graph::Node;
using kernels::Layout;
using primitives::LayoutRule;

Layout layout(const Graph& graph, ValueId id) { return graph.value(id).type.layout; }

/// Whether the node reads and writes layouts that its rule allows.
bool agrees(const Graph& graph, const Node& node) {
  const Layout out = layout(graph, node.outputs[0]);
  const auto all_plain = [&](std::span<const ValueId> ids) {
    return std::ranges::all_of(ids, [&](ValueId id) { return layout(graph, id) == Layout::plain; });
  };
  const std::span<const ValueId> inputs = node.inputs;
  if (node.primitive->name() == "reorder") return layout(graph, inputs[0]) != out;
  switch (node.primitive->layout_rule()) {
    case LayoutRule::plain:
      return all_plain(inputs) && all_plain(node.outputs);
    case LayoutRule::spatial:
      return layout(graph, inputs[0]) == out && all_plain(inputs.subspan(1));
    case LayoutRule::elementwise:
      return std::ranges::all_of(inputs, [&](ValueId id) {
        const bool full = graph.value(id).type.shape == graph.value(node.outputs[0]).type.shape;
        return layout(graph, id) == (full ? out : Layout::plain);
      });
    case LayoutRule::channels:
      return std::ranges::all_of(inputs, [&](ValueId id) { return layout(graph, id) == out; });
    case LayoutRule::convolution: {
      const bool residual = primitives::as_convolution(*node.primitive)->fusion.residual;
      const std::size_t plain = inputs.size() - 1 - (residual ? 1 : 0);
      const bool first = layout(graph, inputs[0]) == out || layout(graph, inputs[0]) == Layout::plain;
      return first && all_plain(inputs.subspan(1, plain)) && (!residual || layout(graph, inputs.back()) == out);
    }
  }
  return false;
}

RC_GTEST_PROP(Layouts, EveryNodeReadsWhatItsRuleAllows, ()) {
  static const auto device = kernels::make_cpu_device(1);
  const Question q = draw_question();
  Graph graph = q.network.graph;
  graph::run_passes(graph, q.request.fetches);
  choose_layouts(graph, *device);
  graph.verify();
  bool blocked = false;
  for (const Node& node : graph.nodes()) {
    blocked = blocked || layout(graph, node.outputs[0]) == Layout::blocked;
    if (!agrees(graph, node)) RC_FAIL(std::string(node.primitive->name()) + " in\n" + graph.dump());
  }
  for (const ValueId id : graph.inputs()) RC_ASSERT(layout(graph, id) == Layout::plain);
  RC_CLASSIFY(blocked, "blocked");
}

TEST(Layouts, AChainOfConvolutionsStaysBlocked) {
  const auto device = kernels::make_cpu_device(1);
  graph::Builder build;
  ValueId x = build.input("x", {graph::kReal, {1, 3, 16, 16}});
  std::int64_t channels = 3;
  for (int i = 0; i < 4; ++i) {
    const kernels::ConvolutionAttributes attributes{{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};
    const ValueId w = build.reals({32, channels, 3, 3}, Values(static_cast<std::size_t>(32 * channels * 9), 0.125));
    x = build.apply1(primitives::make_convolution(attributes, {}), {x, w});
    x = build.apply1(primitives::make_unary({kernels::Unary::relu}), {x});
    channels = 32;
  }
  const ValueId y = build.apply1(primitives::make_reshape({1, 32 * 256}), {x});
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  choose_layouts(graph, *device);
  EXPECT_EQ(std::ranges::count(graph.nodes(), "reorder", [](const Node& n) { return n.primitive->name(); }), 1)
      << graph.dump();
  EXPECT_EQ(layout(graph, x), Layout::blocked);
  EXPECT_EQ(layout(graph, y), Layout::plain);
}

TEST(Layouts, AResidualBlockStaysBlocked) {
  const auto device = kernels::make_cpu_device(1);
  graph::Builder build;
  const ValueId x = build.input("x", {graph::kReal, {1, 32, 8, 8}});
  const kernels::ConvolutionAttributes attributes{{{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {}}, 1};
  const ValueId w = build.reals({32, 32, 3, 3}, Values(32 * 32 * 9, 0.125));
  const auto convolution = [&](ValueId a) {
    return build.apply1(primitives::make_convolution(attributes, {}), {a, w});
  };
  const auto relu = [&](ValueId a) { return build.apply1(primitives::make_unary({kernels::Unary::relu}), {a}); };
  const ValueId top = relu(convolution(x));
  const ValueId inner = convolution(relu(convolution(top)));
  const ValueId y = relu(build.apply1(primitives::make_binary(kernels::Binary::add), {inner, top}));
  build.mark_output(y);
  Graph graph = std::move(build).finish();
  graph::run_passes(graph, std::vector<ValueId>{y});
  choose_layouts(graph, *device);
  ASSERT_EQ(graph.nodes().size(), 4U) << graph.dump();  // the input's reorder and three convolutions
  EXPECT_TRUE(std::ranges::all_of(graph.nodes(), [&](const Node& node) { return agrees(graph, node); }));
  EXPECT_EQ(layout(graph, y), Layout::blocked);
}

TEST(Layouts, TheReferenceDeviceKeepsEverythingPlain) {
  const auto device = kernels::make_reference_device();
  Graph graph = mho::testing::random_graph(3, {}).graph;
  const std::string before = graph.dump();
  choose_layouts(graph, *device);
  EXPECT_EQ(graph.dump(), before);
}

TEST(Slots, BlockedTensorsRoundTrip) {
  const auto device = kernels::make_cpu_device(1);
  for (const std::int64_t channels : {1, 7, 16, 17, 33}) {
    const kernels::TensorType type{DType::f32, {2, channels, 3, 5}, Layout::blocked};
    Array memory(DType::b8, {static_cast<std::int64_t>(type.bytes())});
    const kernels::Tensor tensor{type, memory.bytes().data(), false};
    Values values(static_cast<std::size_t>(type.elements()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) - 20;
    write(*device, values, tensor);
    EXPECT_EQ(read(*device, tensor), values) << channels;
    // One example at a time: the second chunk holds the second half.
    const Values second(values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    EXPECT_EQ(read(*device, slot_of(tensor, 1, 2)), second) << channels;
    write(*device, Values(second.size(), 1), slot_of(tensor, 0, 2));
    EXPECT_EQ(read(*device, slot_of(tensor, 1, 2)), second) << channels;
    EXPECT_EQ(read(*device, slot_of(tensor, 0, 2)), Values(second.size(), 1)) << channels;
  }
}

}  // namespace
}  // namespace mho::engine::testing
