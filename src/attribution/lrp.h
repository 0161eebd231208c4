// Which of LRP's rules a request chooses for which node.
#pragma once

#include <mho/attribution.h>

#include "engine/rules.h"
#include "graph/analysis.h"

namespace mho::attribution {

/// Throws Error: kInvalidArgument for a parameter out of range, kNotFound where a choice is for no node that sums
/// active values.
[[nodiscard]] engine::RelevanceOf make_relevance_rules(const graph::Graph& graph, const graph::Analysis& facts,
                                                       const std::vector<LrpRuleChoice>& choices);

}  // namespace mho::attribution
