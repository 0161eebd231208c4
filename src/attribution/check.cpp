// check(): the measures against their own theory, on one model and its inputs.
#include <mho/check.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <map>
#include <optional>

#include "attribution/evaluator.h"
#include "attribution/rules.h"
#include "attribution/setup.h"

namespace mho {

namespace {

using attribution::LayerChoice;
using attribution::set_up;
using attribution::Setup;
using graph::Graph;
using graph::NodeId;

constexpr double kNodeThreshold = 1e-10;  // rounding in double stays far below
constexpr std::size_t kSpans = 5;

double nan() { return std::numeric_limits<double>::quiet_NaN(); }

/// The request for one measure at the layers called `names`.
Request request_for(const Request& request, Method method, std::vector<std::string> names) {
  Request result = request;
  result.method = method;
  result.layers = std::move(names);
  result.multipliers = false;
  result.split_by_input = false;
  result.measure_precision = false;
  if (method == Method::kDeepLift) return result;
  result.rules.clear();
  return result;
}

std::vector<LayerChoice> cuts_of(const Setup& setup) {
  std::vector<LayerChoice> cuts = attribution::all_layers(*setup.graph, setup.facts);
  std::erase_if(cuts, [&](const LayerChoice& c) { return !c.cut || setup.graph->find(c.name) == setup.target.value; });
  if (cuts.empty()) throw Error(Code::kUnsupported, "no tensor between the inputs and the target is a cut");
  return cuts;
}

std::vector<std::string> names_of(const std::vector<LayerChoice>& layers) {
  std::vector<std::string> names;
  for (const LayerChoice& layer : layers) names.push_back(layer.name);
  return names;
}

const LayerResult* find(const Result& result, const std::string& name) {
  const auto it = std::ranges::find(result.layers, name, &LayerResult::name);
  return it == result.layers.end() ? nullptr : &*it;
}

/// Sums are relative to this for example n.
double scale_of(const Result& result, const LayerResult& layer, std::size_t n) {
  const std::int64_t size = layer.values.size() / static_cast<std::int64_t>(result.f_input.size());
  double magnitude = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    magnitude += std::abs(layer.values.at(static_cast<std::int64_t>(n) * size + i));
  }
  return std::max(
      {magnitude, std::abs(result.f_input[n]), std::abs(result.f_baseline[n]), std::numeric_limits<double>::min()});
}

double relative_residual(const Result& result, const LayerResult& layer, std::size_t n) {
  return layer.residual.at(n) / scale_of(result, layer, n);
}

double worst_residual(const Result& result, const std::string& name) {
  const LayerResult* layer = find(result, name);
  if (layer == nullptr) return nan();
  double worst = 0;
  for (std::size_t n = 0; n < result.f_input.size(); ++n) {
    worst = std::max(worst, std::abs(relative_residual(result, *layer, n)));
  }
  return worst;
}

/// Largest relative L1 difference of an example's attributions.
double worst_difference(const Result& actual, const Result& expected, const std::string& name) {
  const LayerResult* a = find(actual, name);
  const LayerResult* b = find(expected, name);
  if (a == nullptr || b == nullptr || a->values.size() != b->values.size()) return nan();
  const auto examples = static_cast<std::int64_t>(expected.f_input.size());
  const std::int64_t size = b->values.size() / examples;
  double worst = 0;
  for (std::int64_t n = 0; n < examples; ++n) {
    double difference = 0;
    double norm = std::numeric_limits<double>::min();
    for (std::int64_t i = n * size; i < (n + 1) * size; ++i) {
      difference += std::abs(a->values.at(i) - b->values.at(i));
      norm += std::abs(b->values.at(i));
    }
    worst = std::max(worst, difference / norm);
  }
  return worst;
}

/// What every ONNX node adds to the residual, in double precision.
std::vector<NodeCheck> audit(const Setup& setup, const Request& request) {
  attribution::Evaluator evaluator(setup, request.target, 1,
                                   {.optimize = false,
                                    .use_affine_prefix = false,
                                    .multipliers = true,
                                    .rule_of = attribution::make_rules(*setup.graph, setup.facts, request.rules),
                                    .keep_values = true});
  std::map<std::pair<std::string, std::string>, double> worst;
  for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
    attribution::ExamplePath path = evaluator.path(n, setup.reference_of(n, 0));
    const attribution::PathPoint x{&path, 1}, reference{&path, 0};
    evaluator.evaluate_reference({&reference, 1});
    std::map<std::pair<std::string, std::string>, double> sums;
    for (const engine::NodeResidual& one : evaluator.audit({&x, 1})) {
      sums[{one.node->origin_name, one.node->origin_type}] += one.residual;
    }
    const double scale = std::max(
        {std::abs(evaluator.target(0)), std::abs(evaluator.reference_target(0)), std::numeric_limits<double>::min()});
    for (const auto& [origin, residual] : sums) {
      double& kept = worst[origin];
      if (std::abs(residual / scale) > std::abs(kept)) kept = residual / scale;
    }
  }
  std::vector<NodeCheck> nodes;
  for (const auto& [origin, residual] : worst) {
    if (std::abs(residual) > kNodeThreshold) nodes.push_back({origin.first, origin.second, residual});
  }
  std::ranges::sort(nodes, std::greater<>{}, [](const NodeCheck& node) { return std::abs(node.residual); });
  return nodes;
}

/// ONNX operator types of the nodes behind tensor `from` up to and including the maker of `to`, each once.
std::vector<std::string> operators_between(const Graph& graph, const std::string& from, graph::ValueId to) {
  const NodeId first = graph.value(graph.find(from)).producer;
  const NodeId last = graph.value(to).producer;
  std::vector<std::string> types;
  for (NodeId id = first + 1; id <= last; ++id) {
    const std::string& type = graph.node(id).origin_type;
    if (std::ranges::find(types, type) == types.end()) types.push_back(type);
  }
  return types;
}

std::vector<SpanCheck> find_spans(const Setup& setup, const Result& nig) {
  std::vector<SpanCheck> spans;
  for (std::size_t l = 0; l < nig.layers.size(); ++l) {
    const LayerResult& from = nig.layers[l];
    const LayerResult* to = l + 1 < nig.layers.size() ? &nig.layers[l + 1] : nullptr;  // or the target, which is exact
    SpanCheck span{from.name, to == nullptr ? setup.target.name : to->name, 0, {}};
    for (std::size_t n = 0; n < nig.f_input.size(); ++n) {
      const double change = relative_residual(nig, from, n) - (to == nullptr ? 0 : relative_residual(nig, *to, n));
      span.change = std::max(span.change, std::abs(change));
    }
    const graph::ValueId end = to == nullptr ? setup.target.value : setup.graph->find(to->name);
    span.ops = operators_between(*setup.graph, from.name, end);
    spans.push_back(std::move(span));
  }
  std::ranges::sort(spans, std::greater<>{}, &SpanCheck::change);
  if (spans.size() > kSpans) spans.resize(kSpans);
  return spans;
}

/// Nothing where no gradient reaches a layer: comparisons and casts pass multipliers only.
std::optional<Setup> set_up_if_differentiable(const Model& model, const Inputs& inputs, const Request& request) {
  try {
    return set_up(model.impl(), inputs, request);
  } catch (const Error& error) {
    if (error.code() != Code::kNotFound) throw;
    return std::nullopt;
  }
}

/// Results are finite, or attribute() had thrown: whatever is found here is hidden by a node behind it.
std::string hidden_non_finite(const Model& model, const Inputs& inputs, const Request& request) {
  const Setup setup = set_up(model.impl(), inputs, request);
  attribution::EvaluatorOptions options;
  options.gradients = false;
  options.optimize = false;
  options.use_affine_prefix = false;
  attribution::Evaluator evaluator(setup, request.target, 1, options);
  for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
    attribution::ExamplePath path = evaluator.path(n, setup.reference_of(n, 0));
    for (const double alpha : {1.0, 0.0}) {
      const engine::NonFinite found = evaluator.non_finite(path, alpha, 0);
      if (found.any()) return fmt::format("example {} at {}: {}", n, alpha == 1 ? "x" : "x'", engine::describe(found));
    }
  }
  return "";
}

}  // namespace

Check check(const Model& model, const Inputs& inputs, const Request& request) {
  const Model exact = model.with_options({.precision = Precision::kDouble});
  const Setup setup = set_up(exact.impl(), inputs, request_for(request, Method::kDeepLift, {"*"}));
  const std::vector<LayerChoice> cuts = cuts_of(setup);
  const Request deeplift = request_for(request, Method::kDeepLift, names_of(cuts));
  const Result single = attribute(model, inputs, deeplift);
  const Result twice = attribute(exact, inputs, deeplift);

  // Multipliers pass what gradients do not: a cut for DeepLIFT is one for NIG if it has a gradient at all.
  Request nig_request = request_for(request, Method::kNig, {"*"});
  if (attribution::has_several_references(request.baseline)) nig_request.baseline = 0.0;
  Result nig;
  std::vector<SpanCheck> spans;
  if (std::optional<Setup> gradients = set_up_if_differentiable(model, inputs, nig_request)) {
    nig_request.layers.clear();
    for (const LayerChoice& layer : attribution::all_layers(*gradients->graph, gradients->facts)) {
      const bool both = layer.cut && std::ranges::find(cuts, layer.name, &LayerChoice::name) != cuts.end();
      if (both) nig_request.layers.push_back(layer.name);
    }
    if (!nig_request.layers.empty()) nig = attribute(model, inputs, nig_request);
    spans = find_spans(*gradients, nig);
  }

  Check result;
  result.target_tensor = twice.target_tensor;
  result.threshold = kNodeThreshold;
  result.converged = nig.converged;
  for (std::size_t n = 0; n < twice.f_input.size(); ++n) {
    const double scale = std::max(std::abs(twice.f_input[n]), std::numeric_limits<double>::min());
    result.target_rounding = std::max(result.target_rounding, std::abs(single.f_input[n] - twice.f_input[n]) / scale);
  }
  for (const LayerChoice& cut : cuts) {
    CutCheck row{cut.name,
                 cut.node,
                 cut.op,
                 worst_residual(nig, cut.name),
                 nan(),
                 worst_residual(single, cut.name),
                 worst_residual(twice, cut.name),
                 worst_difference(single, twice, cut.name)};
    if (const LayerResult* layer = find(nig, cut.name)) {
      row.nig_estimate = *std::ranges::max_element(layer->estimated_error);
    }
    result.cuts.push_back(std::move(row));
  }
  result.nodes = audit(setup, deeplift);
  result.spans = std::move(spans);
  result.non_finite = hidden_non_finite(model, inputs, deeplift);
  return result;
}

}  // namespace mho
