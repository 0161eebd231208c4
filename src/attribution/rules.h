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

}  // namespace mho::attribution
