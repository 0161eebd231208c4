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

bool is_for(const RuleChoice& choice, const Node& node) {
  return choice.nodes == node.origin_type || glob_matches(choice.nodes, node.origin_name);
}

bool has_choice(const Node& node, const graph::Analysis& facts) {
  const primitives::Positions active = graph::inputs_in(node, facts.active);
  return !active.empty() && !node.primitive->affine(active);
}

}  // namespace

engine::RuleOf make_rules(const graph::Graph& graph, const graph::Analysis& facts,
                          const std::vector<RuleChoice>& choices) {
  for (const RuleChoice& choice : choices) {
    if (choice.nodes == "*") continue;
    std::set<std::string> names;
    bool found = false;
    for (const Node& node : graph.nodes()) {
      if (!has_choice(node, facts)) continue;
      found = found || is_for(choice, node);
      names.insert(node.origin_type);
      if (!node.origin_name.empty()) names.insert(node.origin_name);
    }
    if (found) continue;
    const std::vector<std::string> few(names.begin(),
                                       std::next(names.begin(), std::min<std::ptrdiff_t>(8, std::ssize(names))));
    throw Error(Code::kNotFound,
                fmt::format("no node that is not linear has the name or operator type '{}'; there {}", choice.nodes,
                            few.empty() ? std::string("are none in this model")
                                        : fmt::format("are, among others: {}", fmt::join(few, ", "))));
  }
  const auto plain = [](const RuleChoice& choice) { return choice.rule == DeepLiftRule::kRescale; };
  if (std::ranges::all_of(choices, plain)) return {};
  return [choices](const Node& node) {
    const auto last = std::find_if(choices.rbegin(), choices.rend(), [&](const auto& c) { return is_for(c, node); });
    return last == choices.rend() ? Rule::rescale : rule_of(last->rule);
  };
}

}  // namespace mho::attribution
