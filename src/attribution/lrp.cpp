// Which of LRP's rules a request chooses for which node.
#include "attribution/lrp.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/rules.h"
#include "engine/relevance.h"

namespace mho::attribution {

namespace {

using engine::RelevanceRule;
using graph::Node;

RelevanceRule rule_of(const LrpRule& rule) {
  switch (rule.kind) {
    case LrpRuleKind::kEpsilon:
      return {RelevanceRule::Kind::epsilon, rule.parameter};
    case LrpRuleKind::kGamma:
      return {RelevanceRule::Kind::gamma, rule.parameter};
    case LrpRuleKind::kAlphaBeta:
      return {RelevanceRule::Kind::alpha_beta, rule.parameter};
  }
  throw Error(Code::kInternal, "a rule without a name");
}

void check(const LrpRule& rule) {
  const double least = rule.kind == LrpRuleKind::kAlphaBeta ? 1 : 0;
  if (std::isfinite(rule.parameter) && rule.parameter >= least) return;
  throw Error(Code::kInvalidArgument,
              fmt::format("rule {}: the parameter must be a number of at least {}", to_string(rule), least));
}

bool sums(const Node& node, const graph::Analysis& facts) {
  const primitives::Positions active = graph::inputs_in(node, facts.active);
  const RelevanceRule any{RelevanceRule::Kind::epsilon, 1};
  return !active.empty() && engine::relevance_kind(node, active, any) == engine::RelevanceKind::sum;
}

}  // namespace

engine::RelevanceOf make_relevance_rules(const graph::Graph& graph, const graph::Analysis& facts,
                                         const std::vector<LrpRuleChoice>& choices) {
  std::vector<std::string> patterns;
  for (const LrpRuleChoice& choice : choices) {
    check(choice.rule);
    patterns.push_back(choice.nodes);
  }
  require_nodes(graph, patterns, "that sums", [&](const Node& node) { return sums(node, facts); });
  return [choices](const Node& node) {
    const auto last =
        std::find_if(choices.rbegin(), choices.rend(), [&](const auto& c) { return is_for(c.nodes, node); });
    return rule_of(last == choices.rend() ? LrpRule{} : last->rule);
  };
}

}  // namespace mho::attribution
