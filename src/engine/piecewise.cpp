// Which nodes have to be run for exact sums, and why there are none where there are none.
#include "engine/piecewise.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/analysis.h"
#include "graph/evaluate.h"
#include "primitives/primitives.h"

namespace mho::engine {

using graph::Graph;
using graph::index;
using graph::Node;
using graph::ValueId;

namespace {

/// What the target depends on, in whatever way; sources are taken as they are.
std::vector<bool> ancestors(const Graph& graph, ValueId target, const std::vector<bool>& is_feed) {
  std::vector<bool> needed(graph.value_count(), false);
  needed[index(target)] = true;
  for (std::size_t n = graph.nodes().size(); n-- > 0;) {
    const Node& node = graph.nodes()[n];
    const bool runs =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return needed[index(id)] && !is_feed[index(id)]; });
    if (!runs) continue;
    for (const ValueId id : node.inputs) needed[index(id)] = true;
  }
  return needed;
}

/// What is left of a difference that should be zero, relative to the largest element of its tensor.
constexpr double kRounding = 8 * std::numeric_limits<double>::epsilon();

/// Puts elements of x that lie on a bend of f but for rounding exactly there. A unit that rests on its kink over a
/// stretch of the path would otherwise be on either side of it, by chance.
void put_on_bends(const kernels::UnaryFunction& f, const kernels::Tensor& x) {
  const auto values = x.as<double>();
  double size = 0;
  for (const double v : values) size = std::isfinite(v) ? std::max(size, std::abs(v)) : size;
  for (const double bend : kernels::bends(f)) {
    const double near = kRounding * (size + std::abs(bend));
    for (double& v : values) v = std::abs(v - bend) <= near ? bend : v;
  }
}

/// Makes elements of x equal that are so but for rounding: of a tie, the first one wins.
void make_ties(const kernels::Tensor& x) {
  const auto values = x.as<double>();
  std::vector<double*> order;
  double size = 0;
  for (double& v : values) {
    if (!std::isfinite(v)) continue;
    order.push_back(&v);
    size = std::max(size, std::abs(v));
  }
  std::ranges::sort(order, [](const double* a, const double* b) { return *a < *b; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (*order[i] - *order[i - 1] <= kRounding * size) *order[i] = *order[i - 1];
  }
}

[[noreturn]] void refuse(const Graph& graph, const Node& node) {
  const std::string name = !node.origin_name.empty() ? node.origin_name : graph.value(node.outputs[0]).name;
  const std::string type = node.origin_type.empty() ? std::string(node.primitive->name()) : node.origin_type;
  throw Error(
      Code::kUnsupported,
      fmt::format("exact mode needs a piecewise linear network, and node '{}' ({}: {}) is not: along the path its "
                  "output is curved or jumps. Attribute a tensor in front of it, or use a tolerance instead",
                  name, type, node.primitive->name()));
}

}  // namespace

void rest_on_kinks(const primitives::Primitive& primitive, const kernels::Tensor& x) {
  const auto f = primitives::as_unary(primitive);
  f ? put_on_bends(*f, x) : make_ties(x);
}

kernels::TensorType on_device(kernels::TensorType type, const kernels::Device& device) {
  if (type.is_real()) type.dtype = device.real();
  return type;
}

PiecewiseNetwork piecewise_network(const PiecewiseRequest& request, const kernels::Device& device) {
  const Graph& graph = *request.graph;
  PiecewiseNetwork network;
  std::vector<bool> is_feed(graph.value_count(), false);
  for (const ValueId id : request.feeds) is_feed[index(id)] = true;
  const std::vector<bool> moves = graph::dependents(graph, request.moving);
  network.needed = ancestors(graph, request.target, is_feed);
  const std::vector<bool>& needed = network.needed;

  network.constants.resize(graph.value_count());
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto& constant = graph.value(static_cast<ValueId>(i)).constant;
    if (needed[i] && constant) network.constants[i] = graph::with_real_type(*constant, device.real());
  }
  // Behind the first layer gradients are wanted.
  std::vector<bool> behind_layer(graph.value_count(), false);
  for (const ValueId id : request.layers) behind_layer[index(id)] = true;

  for (const Node& node : graph.nodes()) {
    const bool runs =
        std::ranges::any_of(node.outputs, [&](ValueId id) { return needed[index(id)] && !is_feed[index(id)]; });
    if (!runs) continue;
    const primitives::Positions moving = graph::inputs_in(node, moves);
    if (moving.empty()) {
      network.still.push_back(&node);
      continue;
    }
    if (!node.primitive->differentiable() || !node.primitive->piecewise_affine(moving)) refuse(graph, node);
    PiecewiseStep step;
    step.node = &node;
    step.affine = node.primitive->affine(moving);
    primitives::Positions wanted;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::size_t in = index(node.inputs[i]);
      step.moves.push_back(moves[in]);
      step.wanted.push_back(moves[in] && behind_layer[in]);
      if (step.wanted.back()) wanted.add(i);
    }
    if (!wanted.empty()) {
      for (const ValueId id : node.outputs) behind_layer[index(id)] = true;
    }
    std::vector<kernels::TensorType> inputs, outputs;
    for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).type);
    for (const ValueId id : node.outputs) outputs.push_back(graph.value(id).type);
    for (const kernels::TensorType& type : node.primitive->saved(inputs, outputs)) {
      step.saved.push_back(on_device(type, device));
    }
    const primitives::BackwardReads reads = node.primitive->backward_reads(wanted);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      step.middle_inputs = step.middle_inputs || (step.moves[i] && reads.inputs.has(i));
    }
    step.middle_outputs = !step.saved.empty() || reads.outputs.count(node.outputs.size()) > 0;
    network.steps.push_back(std::move(step));
  }
  return network;
}

}  // namespace mho::engine
