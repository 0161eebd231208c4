// Invariant: time grows with the size of a graph, not with its square, whatever its form.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "hostile/attempt.h"
#include "hostile/workers.h"
#include "support/onnx_builder.h"

namespace mho::testing {
namespace {

std::string t(int i) { return fmt::format("t{}", i); }

ModelBuilder chain(int nodes) {
  ModelBuilder model;
  model.input("t0", {1, 4}).output(t(nodes));
  for (int i = 0; i < nodes; ++i) model.node("Relu", {t(i)}, {t(i + 1)});
  return model;
}

/// Every node reads the input and the node before: all values but one are alive to the end in the backward pass.
ModelBuilder ladder(int nodes) {
  ModelBuilder model;
  model.input("t0", {1, 4}).output(t(nodes));
  for (int i = 0; i < nodes; ++i) model.node("Mul", {"t0", t(i)}, {t(i + 1)});
  return model;
}

ModelBuilder fan(int nodes, const char* type) {
  ModelBuilder model;
  model.input("x", {1, 4}).output("y");
  std::vector<std::string> all;
  for (int i = 0; i < nodes; ++i) {
    all.push_back(t(i));
    model.node("Tanh", {"x"}, {t(i)});
  }
  NodeHandle node = model.node(type, all, {"y"});
  if (std::string(type) == "Concat") node.with("axis", 1);
  return model;
}

ModelBuilder many_outputs(int nodes) {
  ModelBuilder model = chain(nodes);
  for (int i = 1; i < nodes; ++i) model.output(t(i));
  return model;
}

ModelBuilder split(int nodes) {
  ModelBuilder model(13);
  model.input("x", {1, nodes}).output("y");
  std::vector<std::string> all;
  for (int i = 0; i < nodes; ++i) all.push_back(t(i));
  model.node("Split", {"x"}, all).with("axis", 1);
  model.node("Concat", all, {"y"}).with("axis", 1);
  return model;
}

ModelBuilder loop(int trips) {
  ModelBuilder body(0);
  body.input("k", {}, ::onnx::TensorProto::INT64).input("c", {}, ::onnx::TensorProto::BOOL).input("h", {1, 4});
  body.output("c").output("next");
  body.node("Mul", {"h", "x"}, {"product"}).named("a");
  body.node("Tanh", {"product"}, {"next"}).named("b");
  ModelBuilder model;
  model.input("x", {1, 4}).output("y").integers("trips", {}, {trips});
  model.node("Loop", {"trips", "", "x"}, {"y"}).with("body", *body.proto().mutable_graph());
  return model;
}

TEST(HostileModels, LargeGraphsTakeNoMoreThanTheirSize) {
  const char* given = std::getenv("MHO_GRAPH_NODES");
#if defined(__SANITIZE_ADDRESS__)
  const int nodes = given != nullptr ? std::atoi(given) : 300;
#else
  const int nodes = given != nullptr ? std::atoi(given) : 4000;
#endif
  const std::vector<std::pair<const char*, std::function<ModelBuilder(int)>>> forms = {
      {"chain", chain},
      {"ladder", ladder},
      {"sum", [](int n) { return fan(n, "Sum"); }},
      {"concat", [](int n) { return fan(n, "Concat"); }},
      {"outputs", many_outputs},
      {"split", split},
      {"loop", [](int n) { return loop(n / 2); }}};
  // The first size tells what a node costs; four times as many may cost eight times as much, where the square would
  // cost sixteen times.
  const Bounds bounds{100, std::int64_t{8} << 30, false};
  for (const auto& [name, form] : forms) {
    double seconds[2] = {};
    for (int i = 0; i < 2; ++i) {
      const std::string bytes = form(i == 0 ? nodes / 4 : nodes).serialized();
      const Tally tally = run_seeds(1, 1, 1, bounds,
                                    [&](std::uint64_t seed) { return attempt(bytes, seed, std::int64_t{4} << 30, 0); });
      ASSERT_TRUE(tally.failures.empty()) << name << ": " << tally.failures[0].why;
      EXPECT_EQ(tally.outcomes[static_cast<std::size_t>(Outcome::kRan)], 1U) << name;
      seconds[i] = tally.slowest;
    }
    fmt::print("{} of {}: {:.2f} s, of {}: {:.2f} s\n", name, nodes / 4, seconds[0], nodes, seconds[1]);
    EXPECT_LT(seconds[1], 8 * seconds[0] + 0.5) << name;
  }
}

}  // namespace
}  // namespace mho::testing
