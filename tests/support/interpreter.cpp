// The plainest way to run a graph: a new array for every value, every gradient summed from zero.
#include "support/interpreter.h"

#include <algorithm>
#include <cmath>

#include "graph/evaluate.h"

namespace mho::testing {

using graph::Node;
using graph::ValueId;
using kernels::Tensor;
using kernels::TensorType;

namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

DType in_double(DType type) { return type == DType::f32 ? DType::f64 : type; }

}  // namespace

Array Interpreter::zeros(const TensorType& type) const { return {in_double(type.dtype), type.shape}; }

Tensor Interpreter::view(Array& array) const { return {{array.dtype(), array.shape()}, array.bytes().data(), false}; }

Interpreter::Interpreter(const graph::Graph& graph, const std::map<ValueId, Values>& feeds)
    : graph_(graph), arrays_(graph.value_count()), known_(graph.value_count(), false), saved_(graph.nodes().size()) {
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const auto fed = feeds.find(id);
    if (fed != feeds.end()) {
      arrays_[i] = Array(graph.value(id).type.shape, fed->second).to(in_double(graph.value(id).type.dtype));
    } else if (graph.is_constant(id)) {
      const graph::Constant constant = graph::with_real_type(*graph.value(id).constant, DType::f64);
      arrays_[i] = zeros(constant.type);
      std::copy_n(constant.data.get(), arrays_[i].bytes().size(), arrays_[i].bytes().data());
    } else {
      continue;
    }
    known_[i] = true;
  }
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.node(static_cast<graph::NodeId>(n));
    if (!std::ranges::all_of(node.inputs, [&](ValueId id) { return has(id); })) continue;
    std::vector<Tensor> inputs, outputs, saved;
    std::vector<TensorType> input_types, output_types;
    std::vector<Array> results;
    for (const ValueId id : node.inputs) {
      inputs.push_back(view(arrays_[index(id)]));
      input_types.push_back(graph.value(id).type);
    }
    for (const ValueId id : node.outputs) {
      output_types.push_back(graph.value(id).type);
      results.push_back(zeros(graph.value(id).type));
    }
    for (const TensorType& type : node.primitive->saved(input_types, output_types)) saved_[n].push_back(zeros(type));
    for (Array& array : results) outputs.push_back(view(array));
    for (Array& array : saved_[n]) saved.push_back(view(array));
    kernels::Workspace workspace(scratch_);
    workspace.begin();
    primitives::Exec exec{*device_, workspace};
    node.primitive->forward(exec, inputs, outputs, saved);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::size_t at = index(node.outputs[i]);
      if (feeds.contains(node.outputs[i])) continue;
      arrays_[at] = std::move(results[i]);
      known_[at] = true;
    }
  }
}

Interpreter::Values Interpreter::value(ValueId id) const {
  const Array array = arrays_[index(id)].to(DType::f64);
  const auto elements = array.as<double>();
  return {elements.begin(), elements.end()};
}

std::vector<Interpreter::Values> Interpreter::gradients(const std::map<ValueId, Values>& seeds,
                                                        const std::vector<ValueId>& wanted) {
  std::vector<Array> gradients;
  for (std::size_t i = 0; i < graph_.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    TensorType type = graph_.value(id).type;
    if (!type.is_real()) type.dtype = graph::kReal;
    gradients.push_back(zeros(type));
    if (const auto seed = seeds.find(id); seed != seeds.end()) gradients[i] = Array(type.shape, seed->second);
  }
  for (std::size_t n = graph_.nodes().size(); n-- > 0;) {
    const Node& node = graph_.node(static_cast<graph::NodeId>(n));
    const auto made = [&](ValueId id) { return graph_.value(id).producer == static_cast<graph::NodeId>(n); };
    if (!node.primitive->differentiable() || !std::ranges::all_of(node.outputs, made)) continue;
    if (!std::ranges::all_of(node.inputs, [&](ValueId id) { return has(id); })) continue;
    std::vector<Tensor> inputs, outputs, saved, output_gradients, input_gradients;
    std::vector<Array> parts(node.inputs.size());
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      inputs.push_back(view(arrays_[index(id)]));
      const bool real = graph_.value(id).type.is_real();
      if (real) parts[i] = zeros(graph_.value(id).type);
      input_gradients.push_back(real ? view(parts[i]) : Tensor{inputs.back().type, nullptr, false});
    }
    for (const ValueId id : node.outputs) {
      outputs.push_back(view(arrays_[index(id)]));
      output_gradients.push_back(view(gradients[index(id)]));
    }
    for (Array& array : saved_[n]) saved.push_back(view(array));
    kernels::Workspace workspace(scratch_);
    workspace.begin();
    primitives::Exec exec{*device_, workspace};
    node.primitive->vjp(exec, {inputs, outputs, saved, output_gradients, input_gradients});
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (input_gradients[i].empty()) continue;
      const auto sum = gradients[index(node.inputs[i])].as<double>();
      const auto part = parts[i].as<double>();
      for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += part[k];
    }
  }
  std::vector<Values> result;
  for (const ValueId id : wanted) {
    const auto elements = gradients[index(id)].as<double>();
    result.emplace_back(elements.begin(), elements.end());
  }
  return result;
}

std::map<ValueId, std::vector<double>> feed(const std::vector<ValueId>& ids,
                                            const std::vector<std::vector<double>>& values) {
  std::map<ValueId, std::vector<double>> feeds;
  for (std::size_t i = 0; i < ids.size(); ++i) feeds[ids[i]] = values[i];
  return feeds;
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return INFINITY;
    if (a[i] != b[i] && !std::isnan(a[i])) most = std::max(most, std::abs(a[i] - b[i]));
  }
  return most;
}

double largest(const std::vector<double>& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

}  // namespace mho::testing
