// Where straight paths begin: real inputs, embeddings of token ids, or the tensors that a request names.
#include "attribution/sources.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>

#include "graph/analysis.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

PathSources named_sources(const Graph& graph, std::span<const std::string> names) {
  const std::vector<bool> depends = graph::dependents(graph, graph.inputs());
  PathSources sources;
  for (const std::string& name : names) {
    const ValueId id = graph.find(name);
    if (id == graph::kNoValue) {
      throw Error(Code::kNotFound,
                  fmt::format("there is no tensor '{}' for the path to begin at (all: mho inspect)", name));
    }
    if (!graph.value(id).type.is_real()) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("the path cannot begin at '{}', whose elements are integers: name "
                              "a tensor behind it",
                              name));
    }
    if (!depends[static_cast<std::size_t>(id)]) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("the path cannot begin at '{}', which does not depend on the inputs", name));
    }
    const bool is_input = std::ranges::find(graph.inputs(), id) != graph.inputs().end();
    (is_input ? sources.inputs : sources.embedded).push_back(id);
  }
  for (const ValueId from : sources.all()) {
    const std::vector<bool> behind = graph::dependents(graph, std::array{from});
    for (const ValueId to : sources.embedded) {
      if (to == from || !behind[static_cast<std::size_t>(to)]) continue;
      throw Error(Code::kInvalidArgument, fmt::format("the path cannot begin at '{}' and at '{}', which depends on it",
                                                      graph.value(from).name, graph.value(to).name));
    }
  }
  return sources;
}

}  // namespace

std::vector<ValueId> PathSources::all() const {
  std::vector<ValueId> result = inputs;
  result.insert(result.end(), embedded.begin(), embedded.end());
  return result;
}

PathSources find_sources(const Graph& graph, std::span<const std::string> at) {
  if (!at.empty()) return named_sources(graph, at);
  PathSources sources;
  std::vector<ValueId> first_reals;
  std::vector<bool> moves(graph.value_count(), false);    // depends on a real input or an embedding
  std::vector<bool> integer(graph.value_count(), false);  // made of integer inputs, nothing real in between
  std::vector<bool> made(graph.value_count(), false);     // depends on one of first_reals
  for (const ValueId id : graph.inputs()) {
    const bool real = graph.value(id).type.is_real();
    (real ? moves : integer)[static_cast<std::size_t>(id)] = true;
    if (real) sources.inputs.push_back(id);
  }
  for (const graph::Node& node : graph.nodes()) {
    const auto any = [&](const std::vector<bool>& facts) {
      return std::ranges::any_of(node.inputs, [&](ValueId id) { return facts[static_cast<std::size_t>(id)]; });
    };
    const bool any_moves = any(moves), any_integer = any(integer), any_made = any(made);
    const bool looks_up = node.primitive->name() == "gather" && graph.is_constant(node.inputs[0]);
    for (const ValueId id : node.outputs) {
      const auto i = static_cast<std::size_t>(id);
      const bool first = graph.value(id).type.is_real() && any_integer && !any_moves && !any_made;
      if (first) (looks_up ? sources.embedded : first_reals).push_back(id);
      moves[i] = any_moves || (first && looks_up);
      made[i] = any_made || (first && !looks_up);
      integer[i] = any_integer && !any_moves && !any_made && !first;
    }
  }
  if (sources.inputs.empty() && sources.embedded.empty()) sources.embedded = std::move(first_reals);
  return sources;
}

}  // namespace mho::attribution
