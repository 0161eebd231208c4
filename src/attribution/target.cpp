// F: which tensor, and which element of it.
#include "attribution/target.h"

#include <fmt/format.h>

#include <algorithm>

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

TargetTensor find_target(const Graph& graph, const std::string& output, bool probability) {
  ValueId value = graph.outputs().empty() ? graph::kNoValue : graph.outputs()[0];
  if (!output.empty()) {
    value = graph.find(output);
    if (std::ranges::find(graph.outputs(), value) == graph.outputs().end()) {
      std::string names;
      for (const ValueId id : graph.outputs()) names += (names.empty() ? "" : ", ") + graph.value(id).name;
      throw Error(Code::kNotFound, fmt::format("the model has no output '{}'; it has: {}", output, names));
    }
  }
  if (value == graph::kNoValue) throw Error(Code::kInvalidModel, "the model has no output");
  TargetTensor target{value, graph.value(value).name, {}, graph.value(value).type.shape};
  if (!graph.value(value).type.is_real()) {
    throw Error(Code::kInvalidArgument, fmt::format("output '{}' is not a real tensor", target.name));
  }
  if (probability) return target;
  // Reshapes behind the Softmax do not hide it.
  ValueId at = value;
  while (graph.value(at).producer != graph::kNoNode && graph.node(graph.value(at).producer).primitive->is_view()) {
    at = graph.node(graph.value(at).producer).inputs[0];
  }
  if (graph.value(at).producer == graph::kNoNode) return target;
  const graph::Node& node = graph.node(graph.value(at).producer);
  const bool is_probability = node.primitive->name() == "softmax" || node.primitive->name() == "sigmoid";
  if (!is_probability || graph.is_constant(node.inputs[0])) return target;
  target.value = node.inputs[0];
  const std::string& name = graph.value(target.value).name;
  target.note = fmt::format("logits: input of the final {} '{}' (output '{}')", node.origin_type, node.origin_name,
                            graph.value(value).name);
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

TargetTerms resolve(const Target& target, std::int64_t example, const Shape& shape, std::span<const double> values) {
  const auto elements = static_cast<std::int64_t>(values.size());
  if (const auto* index = std::get_if<IndexTarget>(&target)) {
    if (index->indices.empty()) throw Error(Code::kInvalidArgument, "the target has no index");
    const bool shared = index->indices.size() == 1;
    if (!shared && example >= static_cast<std::int64_t>(index->indices.size())) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("there are {} target indices for more examples", index->indices.size()));
    }
    return {flat_index(index->indices[shared ? 0 : static_cast<std::size_t>(example)], shape, elements), -1};
  }
  if (const auto* difference = std::get_if<DifferenceTarget>(&target)) {
    return {flat_index(difference->plus, shape, elements), flat_index(difference->minus, shape, elements)};
  }
  return {std::ranges::max_element(values) - values.begin(), -1};
}

}  // namespace mho::attribution
