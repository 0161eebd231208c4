// F: which tensor, and which element of it.
#include "attribution/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

const graph::Node* producer_of(const Graph& graph, ValueId id) {
  const graph::NodeId node = graph.value(id).producer;
  return node == graph::kNoNode ? nullptr : &graph.node(node);
}

/// Back through nodes that only reshape or repeat.
ValueId behind_views(const Graph& graph, ValueId id) {
  for (const graph::Node* node = producer_of(graph, id); node != nullptr; node = producer_of(graph, id)) {
    if (!node->primitive->is_view() && node->primitive->name() != "broadcast") break;
    id = node->inputs[0];
  }
  return id;
}

/// Back through views and a Max with a constant to reduce_max(x); kNoValue if it is something else.
ValueId maximum_of(const Graph& graph, ValueId id) {
  id = behind_views(graph, id);
  const graph::Node* node = producer_of(graph, id);
  if (node != nullptr && node->primitive->name() == "max") {
    const std::size_t constant = graph.is_constant(node->inputs[0]) ? 0 : 1;
    if (!graph.is_constant(node->inputs[constant])) return graph::kNoValue;
    return maximum_of(graph, node->inputs[1 - constant]);
  }
  return node != nullptr && node->primitive->name() == "reduce_max" ? behind_views(graph, node->inputs[0])
                                                                    : graph::kNoValue;
}

/// The x of a Softmax that is spelled out, exp(z) / sum(exp(z)) with z = x or x - max(x); kNoValue if it is none.
ValueId spelled_out_softmax(const Graph& graph, const graph::Node& node) {
  if (node.primitive->name() != "div") return graph::kNoValue;
  const ValueId numerator = behind_views(graph, node.inputs[0]);
  const graph::Node* exp = producer_of(graph, numerator);
  const graph::Node* sum = producer_of(graph, behind_views(graph, node.inputs[1]));
  if (exp == nullptr || exp->primitive->name() != "exp" || sum == nullptr || sum->primitive->name() != "reduce_sum" ||
      behind_views(graph, sum->inputs[0]) != numerator) {
    return graph::kNoValue;
  }
  const ValueId z = exp->inputs[0];
  const graph::Node* shift = producer_of(graph, z);
  if (shift != nullptr && shift->primitive->name() == "sub" &&
      maximum_of(graph, shift->inputs[1]) == behind_views(graph, shift->inputs[0])) {
    return shift->inputs[0];
  }
  return z;
}

/// What a final Softmax or Sigmoid is taken of; kNoValue if `node` is neither.
ValueId logit_of(const Graph& graph, const graph::Node& node) {
  const std::string_view name = node.primitive->name();
  if (name == "softmax" || name == "sigmoid") return node.inputs[0];
  return spelled_out_softmax(graph, node);
}

}  // namespace

TargetTensor find_target(const Graph& graph, const std::string& output, bool probability) {
  ValueId value = graph.outputs().empty() ? graph::kNoValue : graph.outputs()[0];
  bool hidden = false;
  if (!output.empty()) {
    value = graph.find(output);
    if (value == graph::kNoValue) {
      std::string names;
      for (const ValueId id : graph.outputs()) names += (names.empty() ? "" : ", ") + graph.value(id).name;
      throw Error(Code::kNotFound,
                  fmt::format("the model has no output or other tensor '{}'; its outputs: {}", output, names));
    }
    hidden = std::ranges::find(graph.outputs(), value) == graph.outputs().end();
  }
  if (value == graph::kNoValue) throw Error(Code::kInvalidModel, "the model has no output");
  TargetTensor target{value, graph.value(value).name, {}, graph.value(value).type.shape};
  if (!graph.value(value).type.is_real()) {
    throw Error(Code::kInvalidArgument, fmt::format("output '{}' is not a real tensor", target.name));
  }
  if (hidden) target.note = "neurons inside the network";
  if (hidden || probability) return target;
  // Reshapes behind the Softmax do not hide it.
  ValueId at = value;
  while (producer_of(graph, at) != nullptr && producer_of(graph, at)->primitive->is_view()) {
    at = producer_of(graph, at)->inputs[0];
  }
  if (producer_of(graph, at) == nullptr) return target;
  const graph::Node& node = *producer_of(graph, at);
  const ValueId logit = logit_of(graph, node);
  if (logit == graph::kNoValue || graph.is_constant(logit) ||
      graph.value(logit).type.elements() != graph.value(value).type.elements()) {
    return target;
  }
  target.value = logit;
  const std::string& name = graph.value(target.value).name;
  const bool spelled_out = node.primitive->name() == "div";
  target.note =
      fmt::format("logits: input of the final {} '{}' (output '{}')",
                  spelled_out ? "spelled-out Softmax" : node.origin_type, node.origin_name, graph.value(value).name);
  target.name = name.empty() ? node.origin_name + ":input" : name;
  return target;
}

namespace {

std::int64_t flat_index(const std::vector<std::int64_t>& given, const Shape& shape, std::int64_t elements) {
  const auto fail = [&](const char* why) {
    throw Error(Code::kInvalidArgument, fmt::format("target index {} {} (one example's output has shape {})",
                                                    to_string(given), why, to_string(shape)));
  };
  if (given.size() == 1) {
    const std::int64_t index = given[0] < 0 ? given[0] + elements : given[0];
    if (index < 0 || index >= elements) fail("is out of range");
    return index;
  }
  // The leading extent of one example's output is the example axis where it is 1: it may be left out.
  Shape axes = shape;
  if (given.size() + 1 == axes.size() && axes[0] == 1) axes.erase(axes.begin());
  if (given.size() != axes.size()) fail("has another rank than the output");
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t index = given[i] < 0 ? given[i] + axes[i] : given[i];
    if (index < 0 || index >= axes[i]) fail("is out of range");
    flat = flat * axes[i] + index;
  }
  return flat;
}

}  // namespace

TargetTerms resolve(const Target& target, bool subtract_mean, std::int64_t example, const Shape& shape,
                    std::span<const double> values) {
  const auto elements = static_cast<std::int64_t>(values.size());
  TargetTerms terms;
  if (const auto* index = std::get_if<IndexTarget>(&target)) {
    if (index->indices.empty()) throw Error(Code::kInvalidArgument, "the target has no index");
    const bool shared = index->indices.size() == 1;
    if (!shared && example >= static_cast<std::int64_t>(index->indices.size())) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("there are {} target indices for more examples", index->indices.size()));
    }
    terms.weights = {{flat_index(index->indices[shared ? 0 : static_cast<std::size_t>(example)], shape, elements), 1}};
  } else if (const auto* difference = std::get_if<DifferenceTarget>(&target)) {
    terms.weights = {{flat_index(difference->plus, shape, elements), 1},
                     {flat_index(difference->minus, shape, elements), -1}};
  } else if (const auto* weighted = std::get_if<WeightedTarget>(&target)) {
    if (weighted->weights.size() != values.size()) {
      throw Error(Code::kInvalidArgument, fmt::format("the target has {} weights for the {} elements of shape {}",
                                                      weighted->weights.size(), elements, to_string(shape)));
    }
    for (std::int64_t i = 0; i < elements; ++i) {
      const double weight = weighted->weights[static_cast<std::size_t>(i)];
      if (!std::isfinite(weight)) throw Error(Code::kInvalidArgument, "a weight of the target is not finite");
      if (weight != 0) terms.weights.emplace_back(i, weight);
    }
    if (terms.weights.empty()) throw Error(Code::kInvalidArgument, "all weights of the target are 0");
  } else {
    terms.weights = {{std::ranges::max_element(values) - values.begin(), 1}};
  }
  terms.index = terms.weights.front().first;
  if (!subtract_mean) return terms;
  double sum = 0;
  for (const auto& [index, weight] : terms.weights) sum += weight;
  std::vector<double> all(values.size(), -sum / static_cast<double>(elements));
  for (const auto& [index, weight] : terms.weights) all[static_cast<std::size_t>(index)] += weight;
  terms.weights.clear();
  for (std::int64_t i = 0; i < elements; ++i) terms.weights.emplace_back(i, all[static_cast<std::size_t>(i)]);
  return terms;
}

}  // namespace mho::attribution
