// What exporters write for attention, normalization, GELU and softmax is recognised in whole networks.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "graph/passes/passes.h"
#include "onnx/model.h"

namespace mho::onnx {
namespace {

/// How often each primitive is left after all passes.
std::map<std::string, int, std::less<>> primitives_of(const std::string& name) {
  const auto model = Model::load(std::filesystem::path(MHO_SOURCE_DIR) / "tests/golden/exports" / (name + ".onnx"));
  Model::Specialization shapes;
  for (const PortInfo& input : model.inputs()) {
    Shape shape;
    for (const Dimension& d : input.shape) shape.push_back(d.extent > 0 ? d.extent : 2);
    shapes.input_shapes[input.name] = shape;
  }
  graph::Graph graph = model.specialize(shapes);
  const std::vector<graph::ValueId> keep(graph.outputs().begin(), graph.outputs().end());
  graph::run_passes(graph, keep);
  std::map<std::string, int, std::less<>> counts;
  for (const graph::Node& node : graph.nodes()) ++counts[std::string(node.primitive->name())];
  return counts;
}

class ExportedFunctions : public ::testing::TestWithParam<std::string> {};

/// Blocks of a network, and what is left of the functions in them.
struct Expected {
  std::string network;
  std::map<std::string, int, std::less<>> counts;
};

TEST_P(ExportedFunctions, AreFused) {
  const std::vector<Expected> networks = {
      {"bert", {{"attention", 2}, {"normalization", 5}, {"gelu", 2}, {"tanh", 1}}},
      {"vit", {{"attention", 2}, {"normalization", 5}, {"gelu_tanh", 2}}},
      {"convnext", {{"normalization", 3}, {"gelu", 2}, {"reduce_mean", 1}}},
  };
  for (const Expected& expected : networks) {
    const auto counts = primitives_of(expected.network + "_" + GetParam());
    for (const auto& [name, count] : expected.counts) {
      const auto found = counts.find(name);
      EXPECT_EQ(found == counts.end() ? 0 : found->second, count) << name << " in " << expected.network;
    }
    // What these functions are made of when they are written out.
    for (const std::string name : {"erf", "exp", "pow", "sqrt", "softmax", "reduce_sum", "reduce_max", "div"}) {
      EXPECT_FALSE(counts.contains(name)) << name << " in " << expected.network;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Exporters, ExportedFunctions, ::testing::Values("torchscript", "dynamo"));

}  // namespace
}  // namespace mho::onnx
