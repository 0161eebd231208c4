// Which layers a request names: tensor names, node names and globs.
#include "attribution/layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

LayerChoice describe(const Graph& graph, const graph::Analysis& facts, ValueId id) {
  const graph::Value& value = graph.value(id);
  const auto i = static_cast<std::size_t>(id);
  LayerChoice layer{value.name, "", "Input", facts.cut[i], facts.affine_to_target[i]};
  if (value.producer != graph::kNoNode) {
    layer.node = graph.node(value.producer).origin_name;
    layer.op = graph.node(value.producer).origin_type;
  }
  return layer;
}

/// Values in order of computation: inputs, then every node's outputs.
std::vector<ValueId> in_order(const Graph& graph) {
  std::vector<ValueId> order(graph.inputs().begin(), graph.inputs().end());
  for (const graph::Node& node : graph.nodes()) order.insert(order.end(), node.outputs.begin(), node.outputs.end());
  return order;
}

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

[[noreturn]] void not_found(const std::string& pattern, const std::vector<LayerChoice>& layers) {
  std::set<std::string> names;
  for (const LayerChoice& layer : layers) {
    names.insert(layer.name);
    if (!layer.node.empty()) names.insert(layer.node);
  }
  std::vector<std::string> sorted(names.begin(), names.end());
  const std::size_t shown = std::min<std::size_t>(3, sorted.size());
  std::ranges::partial_sort(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(shown), {},
                            [&](const std::string& name) { return distance(name, pattern); });
  sorted.resize(shown);
  throw Error(Code::kNotFound, fmt::format("no layer '{}'; nearest: {} (all: mho inspect)", pattern,
                                           sorted.empty() ? "none, the target depends on no named tensor"
                                                          : fmt::format("{}", fmt::join(sorted, ", "))));
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  // Greedy with one point to come back to: linear in practice, never exponential.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<LayerChoice> all_layers(const Graph& graph, const graph::Analysis& facts) {
  std::vector<LayerChoice> layers;
  for (const ValueId id : in_order(graph)) {
    const auto i = static_cast<std::size_t>(id);
    const graph::Value& value = graph.value(id);
    if (value.name.empty() || !value.type.is_real() || !facts.active[i] || !facts.relevant[i]) continue;
    layers.push_back(describe(graph, facts, id));
  }
  return layers;
}

std::vector<LayerChoice> choose_layers(const Graph& graph, const graph::Analysis& facts,
                                       const std::vector<std::string>& patterns, ValueId target, bool any_tensor) {
  std::vector<LayerChoice> candidates;
  if (any_tensor) {
    for (const ValueId id : in_order(graph)) {
      if (!graph.value(id).name.empty()) candidates.push_back(describe(graph, facts, id));
    }
  } else {
    candidates = all_layers(graph, facts);
  }
  if (patterns.empty()) {
    std::erase_if(candidates, [&](const LayerChoice& layer) {
      return !layer.cut || layer.op == "Input" || graph.find(layer.name) == target;
    });
    if (candidates.empty()) {
      throw Error(Code::kNotFound, "no tensor between the inputs and the target is a cut: name layers with -l");
    }
    return candidates;
  }
  std::vector<bool> chosen(candidates.size(), false);
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      LayerChoice& layer = candidates[i];
      const ValueId alias = graph.find(pattern);
      const bool is_alias = alias != graph::kNoValue && alias == graph.find(layer.name);
      const bool matches = is_alias || glob_matches(pattern, layer.name) || glob_matches(pattern, layer.node);
      // One tensor may have several names (Identity): the result is called what was asked for.
      if (is_alias) layer.name = pattern;
      chosen[i] = chosen[i] || matches;
      any = any || matches;
    }
    if (!any) not_found(pattern, candidates);
  }
  std::vector<LayerChoice> result;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (chosen[i]) result.push_back(candidates[i]);
  }
  return result;
}

}  // namespace mho::attribution
