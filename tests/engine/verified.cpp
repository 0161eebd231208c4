// src/onnx/verified.cpp says what the operator cases show. MHO_RENEW=1 writes it anew; numbers of cases of the backend
// test-suite come from docs/conformance.md.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "graph/analysis.h"
#include "onnx/model.h"
#include "primitives/primitives.h"
#include "support/operator_cases.h"

namespace mho::engine::testing {
namespace {

using graph::ValueId;
using mho::testing::ModelBuilder;
using primitives::DeltaRule;

/// What the lowered cases show of one operator.
struct Facts {
  bool gradient = false;
  bool straight_through = false;
  std::set<std::string> rules;  ///< of cases in which all its primitives have one
  bool refused = false;         ///< one of them had none in some case
};

bool is_step(const primitives::Primitive& primitive) {
  const auto unary = primitives::as_unary(primitive);
  if (!unary) return false;
  using kernels::Unary;
  return unary->kind == Unary::floor || unary->kind == Unary::ceil || unary->kind == Unary::round ||
         unary->kind == Unary::sign;
}

/// Operators that hand their input on as it is leave no node: Identity, Dropout in inference, Cast between reals.
void collect_identities(const mho::testing::OperatorCase& one, const graph::Graph& graph,
                        const std::vector<bool>& moves, std::map<std::string, Facts>& operators) {
  ModelBuilder model = one.model;
  for (const auto& node : model.proto().graph().node()) {
    if (node.input_size() == 0 || node.output_size() == 0) continue;
    const ValueId from = graph.find(node.input(0));
    if (from == graph::kNoValue || from != graph.find(node.output(0)) || !graph.value(from).type.is_real()) continue;
    if (!moves[static_cast<std::size_t>(from)]) continue;
    operators[node.op_type()].gradient = true;
    operators[node.op_type()].rules.insert("linear");
  }
}

void collect(const mho::testing::OperatorCase& one, std::map<std::string, Facts>& operators) {
  const std::string bytes = one.model.serialized();
  const graph::Graph graph = onnx::Model::parse(std::as_bytes(std::span(bytes))).specialize({});
  std::vector<ValueId> reals;
  for (const ValueId id : graph.inputs()) {
    if (graph.value(id).type.is_real()) reals.push_back(id);
  }
  const std::vector<bool> moves = graph::dependents(graph, reals);
  collect_identities(one, graph, moves, operators);
  // What an ONNX node hands on: read by nodes that came from another one, or an output of the model.
  std::vector<bool> leaves(graph.value_count(), false);
  for (const ValueId id : graph.outputs()) leaves[static_cast<std::size_t>(id)] = true;
  for (const graph::Node& node : graph.nodes()) {
    for (const ValueId id : node.inputs) {
      const auto producer = graph.value(id).producer;
      if (producer == graph::kNoNode) continue;
      const graph::Node& maker = graph.nodes()[static_cast<std::size_t>(producer)];
      if (maker.origin_name != node.origin_name) leaves[static_cast<std::size_t>(id)] = true;
    }
  }
  std::map<std::string, std::set<std::string>> rules;  // of this case
  for (const graph::Node& node : graph.nodes()) {
    primitives::Positions active;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (moves[static_cast<std::size_t>(node.inputs[i])]) active.add(i);
    }
    if (active.empty()) continue;
    Facts& facts = operators[node.origin_type];
    const auto moving_real = [&](ValueId id) {
      return moves[static_cast<std::size_t>(id)] && graph.value(id).type.is_real();
    };
    const auto handed_on = [&](ValueId id) {
      return leaves[static_cast<std::size_t>(id)] && graph.value(id).type.is_real();
    };
    if (node.primitive->differentiable() && !is_step(*node.primitive) &&
        std::ranges::any_of(node.inputs, moving_real) && std::ranges::any_of(node.outputs, handed_on)) {
      facts.gradient = true;
    }
    if (node.primitive->name() == "round_straight_through") facts.straight_through = true;
    switch (node.primitive->delta_rule(active)) {
      case DeltaRule::linear:
        rules[node.origin_type].insert("linear");
        break;
      case DeltaRule::bilinear:
        rules[node.origin_type].insert("symmetric split");
        break;
      case DeltaRule::custom:
        rules[node.origin_type].insert("rescale");
        break;
      case DeltaRule::none:
        rules[node.origin_type].insert("none");
    }
  }
  for (auto& [name, found] : rules) {
    if (found.contains("none")) {
      operators[name].refused = true;
    } else {
      operators[name].rules.merge(found);
    }
  }
}

/// Passed cases by operator.
std::map<std::string, int> conformance_counts() {
  std::map<std::string, int> counts;
  std::ifstream file(MHO_SOURCE_DIR "/docs/conformance.md");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string bar, name;
    int passed = 0;
    if (words >> bar >> name && bar == "|" && words >> bar >> passed) counts[name] = passed;
  }
  return counts;
}

std::string rule_text(const Facts& facts) {
  if (facts.refused && facts.rules.empty()) return "none";
  return fmt::format("{}{}", fmt::join(facts.rules, ", "), facts.refused ? "; or none" : "");
}

std::string table() {
  std::map<std::string, Facts> operators;
  for (unsigned round = 1; round <= 8; ++round) {
    for (const auto& one : mho::testing::operator_cases(round)) collect(one, operators);
  }
  const std::map<std::string, int> counts = conformance_counts();
  std::string text =
      "// Made by `./dev operators` from the operators' test cases; do not edit.\n"
      "#include \"onnx/verified.h\"\n\n#include <array>\n\nnamespace mho::onnx {\n\nnamespace {\n\n"
      "// clang-format off\nconstexpr auto kVerified = std::to_array<Verified>({\n";
  for (const auto& facts : onnx::supported_operators()) {
    const std::string name = facts.domain.empty() ? facts.type : facts.domain + ":" + facts.type;
    const Facts& found = operators[facts.type];
    const auto count = counts.find(name);
    text += fmt::format("    {{\"{}\", {}, \"{}\", \"{}\"}},\n", name, count == counts.end() ? 0 : count->second,
                        found.straight_through ? "straight through"
                        : found.gradient       ? "yes"
                                               : "none",
                        rule_text(found));
  }
  return text +
         "});\n// clang-format on\n\n}  // namespace\n\n"
         "std::span<const Verified> verified_operators() { return kVerified; }\n\n}  // namespace mho::onnx\n";
}

TEST(Verified, TheTableSaysWhatTheCasesShow) {
  const char* path = MHO_SOURCE_DIR "/src/onnx/verified.cpp";
  const std::string expected = table();
  if (std::getenv("MHO_RENEW") != nullptr) std::ofstream(path) << expected;
  std::stringstream actual;
  actual << std::ifstream(path).rdbuf();
  EXPECT_EQ(actual.str(), expected) << "renew it: ./dev operators";
}

}  // namespace
}  // namespace mho::engine::testing
