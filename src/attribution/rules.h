// Which DeepLIFT rule a request chooses for which node.
#pragma once

#include <mho/attribution.h>

#include "engine/rules.h"
#include "graph/analysis.h"

namespace mho::attribution {

/// Empty where every node has Rule::rescale. Throws Error(kNotFound) where a choice is for no node that has a rule to
/// choose, i.e. that is not linear in the active values.
[[nodiscard]] engine::RuleOf make_rules(const graph::Graph& graph, const graph::Analysis& facts,
                                        const std::vector<RuleChoice>& choices);

/// Whether a choice for `nodes`, a name, a glob of names or an operator type, is for this node.
[[nodiscard]] bool is_for(const std::string& nodes, const graph::Node& node);
/// Throws Error(kNotFound), with names that there are, where a choice is for no node that `has_choice`; `which` says
/// in words what these are.
void require_nodes(const graph::Graph& graph, const std::vector<std::string>& choices, std::string_view which,
                   const std::function<bool(const graph::Node&)>& has_choice);

}  // namespace mho::attribution
