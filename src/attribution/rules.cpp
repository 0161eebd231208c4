// Which DeepLIFT rule a request chooses for which node.
#include "attribution/rules.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>

#include <algorithm>
#include <set>

#include "attribution/layers.h"

namespace mho::attribution {

namespace {

using engine::Rule;
using graph::Node;

Rule rule_of(DeepLiftRule rule) {
  switch (rule) {
    case DeepLiftRule::kRescale:
      return Rule::rescale;
    case DeepLiftRule::kRevealCancel:
      return Rule::reveal_cancel;
    case DeepLiftRule::kGenomics:
      return Rule::genomics;
    case DeepLiftRule::kGradient:
      return Rule::gradient;
    case DeepLiftRule::kLinear:
      return Rule::linear;
  }
  throw Error(Code::kInternal, "a rule without a name");
}

bool has_choice(const Node& node, const graph::Analysis& facts) {
  const primitives::Positions active = graph::inputs_in(node, facts.active);
  return !active.empty() && !node.primitive->affine(active);
}

}  // namespace

bool is_for(const std::string& nodes, const Node& node) {
  return nodes == node.origin_type || glob_matches(nodes, node.origin_name);
}

void require_nodes(const graph::Graph& graph, const std::vector<std::string>& choices, std::string_view which,
                   const std::function<bool(const Node&)>& has_choice) {
  for (const std::string& choice : choices) {
    if (choice == "*") continue;
    std::set<std::string> names;
    bool found = false;
    for (const Node& node : graph.nodes()) {
      if (!has_choice(node)) continue;
      found = found || is_for(choice, node);
      names.insert(node.origin_type);
      if (!node.origin_name.empty()) names.insert(node.origin_name);
    }
    if (found) continue;
    const std::vector<std::string> few(names.begin(),
                                       std::next(names.begin(), std::min<std::ptrdiff_t>(8, std::ssize(names))));
    throw Error(Code::kNotFound, fmt::format("no node {} has the name or operator type '{}'; there {}", which, choice,
                                             few.empty() ? std::string("are none in this model")
                                                         : fmt::format("are, among others: {}", fmt::join(few, ", "))));
  }
}

engine::RuleOf make_rules(const graph::Graph& graph, const graph::Analysis& facts,
                          const std::vector<RuleChoice>& choices) {
  std::vector<std::string> patterns;
  for (const RuleChoice& choice : choices) patterns.push_back(choice.nodes);
  require_nodes(graph, patterns, "that is not linear", [&](const Node& node) { return has_choice(node, facts); });
  const auto plain = [](const RuleChoice& choice) { return choice.rule == DeepLiftRule::kRescale; };
  if (std::ranges::all_of(choices, plain)) return {};
  return [choices](const Node& node) {
    const auto last =
        std::find_if(choices.rbegin(), choices.rend(), [&](const auto& c) { return is_for(c.nodes, node); });
    return last == choices.rend() ? Rule::rescale : rule_of(last->rule);
  };
}

}  // namespace mho::attribution
