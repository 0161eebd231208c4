// What the graph passes must leave as it is, so that multipliers find what their rules are about.
#pragma once

#include <vector>

#include "engine/plan.h"

namespace mho::engine {

/// Nothing where no gradients or no multipliers are wanted.
[[nodiscard]] std::vector<ValueId> kept_for_rules(const Graph& graph, const PlanRequest& request);

}  // namespace mho::engine
