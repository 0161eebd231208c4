// Facts about values between inputs and a target: what moves, what matters, what is affine, what is a cut.
#include "graph/analysis.h"

#include <algorithm>

namespace mho::graph {

namespace {

// A value v is a cut exactly if, in one (hence every) topological order, no other relevant active value made before v
// is read by a relevant node after v: such a reader cannot depend on v, so its path to the target avoids v.
void find_cuts(const Graph& graph, ValueId target, Analysis& facts) {
  const auto count = static_cast<std::int64_t>(graph.nodes().size());
  std::vector<std::int64_t> made(graph.value_count(), -1);
  std::vector<std::int64_t> last_read(graph.value_count(), -1);
  const auto matters = [&](ValueId id) { return facts.active[index(id)] && facts.relevant[index(id)]; };
  for (std::int64_t n = 0; n < count; ++n) {
    const Node& node = graph.node(static_cast<NodeId>(n));
    for (const ValueId id : node.outputs) made[index(id)] = n;
    if (std::ranges::none_of(node.outputs, matters)) continue;
    for (const ValueId id : node.inputs) last_read[index(id)] = n;
  }
  last_read[index(target)] = count;
  // How many values are alive (made at or before n, read after n) at every position; position 0 is "inputs only".
  std::vector<int> alive(static_cast<std::size_t>(count) + 2, 0);
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (!matters(id) || last_read[i] <= made[i]) continue;
    ++alive[static_cast<std::size_t>(made[i] + 1)];
    --alive[static_cast<std::size_t>(last_read[i] + 1)];
  }
  for (std::size_t i = 1; i < alive.size(); ++i) alive[i] += alive[i - 1];
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    facts.cut[i] = matters(id) && last_read[i] > made[i] && alive[static_cast<std::size_t>(made[i] + 1)] == 1;
  }
}

}  // namespace

std::vector<bool> ancestors(const Graph& graph, ValueId of) {
  std::vector<bool> result(graph.value_count(), false);
  result[index(of)] = true;
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.nodes()[n];
    const auto wanted = [&](ValueId id) { return result[index(id)]; };
    if (std::ranges::none_of(node.outputs, wanted)) continue;
    for (const ValueId id : node.inputs) result[index(id)] = true;
  }
  return result;
}

std::vector<bool> dependents(const Graph& graph, std::span<const ValueId> from) {
  std::vector<bool> depends(graph.value_count(), false);
  for (const ValueId id : from) depends[index(id)] = true;
  for (const Node& node : graph.nodes()) {
    if (inputs_in(node, depends).empty()) continue;
    for (const ValueId id : node.outputs) depends[index(id)] = true;
  }
  return depends;
}

Analysis analyze(const Graph& graph, std::span<const ValueId> inputs, ValueId target, Through through) {
  const std::size_t count = graph.value_count();
  const bool everything = through == Through::everything;
  Analysis facts{std::vector<bool>(count), std::vector<bool>(count), std::vector<bool>(count, true),
                 std::vector<bool>(count), std::vector<bool>(count)};
  for (const ValueId id : inputs) facts.active[index(id)] = true;
  for (const Node& node : graph.nodes()) {
    const primitives::Positions active = inputs_in(node, facts.active);
    // Inputs that are not active may vary all the same, in steps: the condition of a Where that compares an input.
    const bool affine_inputs =
        std::ranges::all_of(node.inputs, [&](ValueId id) { return facts.affine_from_input[index(id)]; });
    const bool passes = everything || node.primitive->differentiable();
    const bool affine = affine_inputs && (active.empty() || (passes && node.primitive->affine(active)));
    for (const ValueId id : node.outputs) {
      if (!active.empty()) facts.active[index(id)] = passes && (everything || graph.value(id).type.is_real());
      facts.affine_from_input[index(id)] = affine && (active.empty() || facts.active[index(id)]);
    }
  }
  facts.relevant[index(target)] = true;
  std::vector<bool> reaches(count, false);  // the target depends on it in any way
  std::vector<bool> spoiled(count, false);  // some dependence is not affine
  reaches[index(target)] = true;
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.node(static_cast<NodeId>(n));
    const auto any = [&](const std::vector<bool>& set) {
      return std::ranges::any_of(node.outputs, [&](ValueId id) { return set[index(id)]; });
    };
    if (!any(reaches)) continue;
    const bool passes = (everything || node.primitive->differentiable()) && any(facts.relevant);
    const bool affine = passes && !any(spoiled) && node.primitive->affine(inputs_in(node, facts.active));
    for (const ValueId id : node.inputs) {
      reaches[index(id)] = true;
      if (passes) facts.relevant[index(id)] = true;
      if (!affine) spoiled[index(id)] = true;
    }
  }
  for (std::size_t i = 0; i < count; ++i) facts.affine_to_target[i] = facts.relevant[i] && !spoiled[i];
  find_cuts(graph, target, facts);
  return facts;
}

}  // namespace mho::graph
