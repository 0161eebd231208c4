// attribute(): checks the request, chooses the measure, and fills in what every result carries.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/attribution.h>

#include <cmath>
#include <limits>
#include <utility>

#include "attribution/choose_rule.h"
#include "attribution/measures.h"
#include "attribution/positions.h"
#include "attribution/sums.h"
#include "attribution/units.h"
#include "engine/slots.h"

namespace mho {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

bool is_path_method(Method method) {
  return method == Method::kNig || method == Method::kIg || method == Method::kInternalInfluence ||
         method == Method::kConductance;
}

/// Methods whose values sum to F(x) - F(x') over a cut.
bool is_complete(const Request& request) {
  const Method method = request.method;
  if (request.multipliers || !request.neurons.empty()) return false;
  return method == Method::kNig || method == Method::kIg || method == Method::kConductance ||
         method == Method::kDeepLift;
}

/// Whether the number of segments follows from the tolerance.
bool is_adaptive(const Request& request) {
  return request.steps == 0 &&
         (request.quadrature == Quadrature::kAdaptive || request.quadrature == Quadrature::kSecant);
}

void check(const Request& request) {
  if (!(request.tolerance > 0) || !std::isfinite(request.tolerance)) {
    refuse(fmt::format("the tolerance is {}; it must be a positive number", request.tolerance));
  }
  if (request.steps < 0) refuse(fmt::format("the number of steps is {}; it must be positive", request.steps));
  const bool adaptive = is_adaptive(request);
  if (request.method == Method::kConductance && request.quadrature == Quadrature::kSecant) {
    refuse("conductance needs gradients: quadrature secant has none");
  }
  const bool exact = request.quadrature == Quadrature::kExact;
  if (exact && (!is_path_method(request.method) || request.method == Method::kConductance)) {
    refuse(fmt::format("quadrature exact is for nig, ig and internal_influence, not {}", to_string(request.method)));
  }
  if (exact && request.steps != 0) refuse("quadrature exact finds the pieces of the path itself: it takes no steps");
  if (request.max_breakpoints < 1) {
    refuse(fmt::format("max_breakpoints is {}; it must be positive", request.max_breakpoints));
  }
  if (is_path_method(request.method) && request.method != Method::kConductance) {
    if (!adaptive && !exact && request.steps == 0) {
      refuse(fmt::format("quadrature {} needs a number of steps", to_string(request.quadrature)));
    }
  }
  if (adaptive && (request.max_steps < 8 || request.max_steps > 100'000)) {
    refuse(fmt::format("max_steps is {}; it must be between 8 and 100000", request.max_steps));
  }
  if (request.split_by_input && request.method != Method::kConductance) {
    refuse(fmt::format("only conductance can be split by input, not {}", to_string(request.method)));
  }
  if (request.multipliers && request.method != Method::kDeepLift && !request.split_by_input) {
    refuse(fmt::format("only deeplift, and conductance split by input, have multipliers, not {}",
                       to_string(request.method)));
  }
  if (!request.neurons.empty() && request.method != Method::kConductance) {
    refuse(
        fmt::format("only conductance can be computed for some neurons of a layer, not {}", to_string(request.method)));
  }
  if (!request.rules.empty() && request.method != Method::kDeepLift) {
    refuse(fmt::format("only deeplift has rules, not {}", to_string(request.method)));
  }
  if (attribution::has_several_references(request.baseline) && request.method != Method::kDeepLift &&
      !is_path_method(request.method)) {
    refuse(fmt::format("{} is at one point: only deeplift and measures along paths take a set of references",
                       to_string(request.method)));
  }
  if (request.signed_map && request.method != Method::kGradCam) {
    refuse(fmt::format("only grad_cam has a signed map, not {}", to_string(request.method)));
  }
  if (!request.lrp_rules.empty() && request.method != Method::kLrp) {
    refuse(fmt::format("only lrp has LRP's rules, not {}", to_string(request.method)));
  }
  if (!request.ablation.groups.empty() && request.method != Method::kAblation) {
    refuse(fmt::format("only ablation has groups of neurons, not {}", to_string(request.method)));
  }
  if (request.split_by_input && request.aggregate_positions != PositionAggregate::kNone) {
    refuse("values that are split by input have no positions to aggregate");
  }
  if (request.memory_budget < 0) refuse("the memory budget is negative");
}

void check_neurons(const Request& request, const attribution::LayerChoice& layer, const Shape& shape) {
  const std::int64_t count = element_count(shape);
  for (const std::int64_t neuron : request.neurons) {
    if (neuron >= 0 && neuron < count) continue;
    refuse(fmt::format("neuron {} is asked for; layer '{}' has {} neurons, shape {}", neuron, layer.name, count,
                       to_string(shape)));
  }
}

Shape result_shape(const attribution::Setup& setup, const Request& request, const std::string& name) {
  const Shape& layer = setup.graph->value(setup.graph->find(name)).type.shape;
  Shape shape{setup.inputs.count};
  if (request.method == Method::kAblation) {
    const Shape units = attribution::Units(name, layer, request.ablation).shape();
    shape.insert(shape.end(), units.begin(), units.end());
    return shape;
  }
  const auto some = static_cast<std::int64_t>(request.neurons.size());
  if (request.split_by_input) {
    std::int64_t inputs = 0;
    for (const graph::ValueId id : setup.sources.inputs) {
      inputs += setup.graph->value(id).type.elements();
    }
    shape.push_back(some > 0 ? some : element_count(layer));
    shape.push_back(inputs);
    return shape;
  }
  if (some > 0) {
    shape.push_back(some);
    return shape;
  }
  // The leading 1 of one example's tensor is the example axis.
  const bool has_axis = !layer.empty() && layer[0] == 1;
  shape.insert(shape.end(), layer.begin() + (has_axis ? 1 : 0), layer.end());
  if (request.method == Method::kGradCam) shape[1] = 1;
  return shape;
}

std::string describe(const Baseline& baseline) {
  if (const auto* number = std::get_if<double>(&baseline)) return fmt::format("{}", *number);
  if (std::holds_alternative<ReferenceSet>(baseline)) return "references";
  if (const auto* shuffles = std::get_if<DinucleotideShuffles>(&baseline)) {
    return fmt::format("{} dinucleotide shuffles, seed {}", shuffles->count, shuffles->seed);
  }
  return std::holds_alternative<MeanBaseline>(baseline) ? "mean" : "given";
}

std::string describe(const Target& target) {
  if (const auto* difference = std::get_if<DifferenceTarget>(&target)) {
    return fmt::format("{} - {}", fmt::join(difference->plus, ","), fmt::join(difference->minus, ","));
  }
  if (const auto* index = std::get_if<IndexTarget>(&target)) {
    return index->indices.size() == 1 ? fmt::format("{}", fmt::join(index->indices[0], ","))
                                      : fmt::format("{} indices", index->indices.size());
  }
  return std::holds_alternative<WeightedTarget>(target) ? "weighted" : "argmax";
}

std::string describe(Precision precision) {
  switch (precision) {
    case Precision::kDouble:
      return "double";
    case Precision::kBfloat16:
      return "bfloat16";
    case Precision::kSingle:
      break;
  }
  return "single";
}

std::string describe(const std::vector<RuleChoice>& rules) {
  std::string text = "*=rescale";
  for (const RuleChoice& choice : rules) text += fmt::format(" {}={}", choice.nodes, to_string(choice.rule));
  return text;
}

std::string describe(const std::vector<LrpRuleChoice>& rules) {
  std::string text = "*=" + to_string(LrpRule{});
  for (const LrpRuleChoice& choice : rules) text += fmt::format(" {}={}", choice.nodes, to_string(choice.rule));
  return text;
}

/// Its memory is counted in `memory`.
Result empty_result(const Model::Impl& model, const attribution::Setup& setup, const Request& request,
                    kernels::MemoryShare& memory) {
  const auto count = static_cast<std::size_t>(setup.inputs.count);
  if (!request.neurons.empty() && setup.layers.size() != 1) {
    refuse(fmt::format("neurons are those of one layer, but {} are asked for", setup.layers.size()));
  }
  Result result;
  for (const attribution::LayerChoice& layer : setup.layers) {
    LayerResult out;
    out.name = layer.name;
    out.node = layer.node;
    out.op = layer.op;
    out.cut = layer.cut;
    const Shape& shape = setup.graph->value(setup.graph->find(layer.name)).type.shape;
    check_neurons(request, layer, shape);
    Shape values = result_shape(setup, request, layer.name);
    memory.take(element_count(values) * static_cast<std::int64_t>(sizeof(double)),
                fmt::format("the result of layer '{}'", layer.name));
    setup.ask();
    out.values = Array(DType::f64, std::move(values));
    out.estimated_error.assign(count, std::numeric_limits<double>::quiet_NaN());
    result.layers.push_back(std::move(out));
  }
  result.f_input.assign(count, 0);
  result.f_baseline.assign(count, 0);
  result.target.assign(count, 0);
  result.evaluations.assign(count, 0);
  result.steps.assign(count, 0);
  result.converged.assign(count, true);
  result.target_tensor = setup.target.name;
  result.target_note = setup.target.note;
  result.batching = setup.batching;
  result.notes = setup.notes;
  result.metadata = {{"mho", version()},
                     {"model_sha256", model.onnx->sha256()},
                     {"precision", describe(model.options.precision)},
                     {"method", to_string(request.method)},
                     {"target", describe(request.target)},
                     {"baseline", describe(request.baseline)}};
  if (request.split_by_input) result.metadata["split_by_input"] = "true";
  if (request.subtract_class_mean) result.metadata["subtract_class_mean"] = "true";
  if (!request.neurons.empty()) result.metadata["neurons"] = fmt::format("{}", fmt::join(request.neurons, ","));
  if (request.method == Method::kDeepLift) {
    result.metadata["values"] = request.multipliers ? "multipliers" : "contributions";
    result.metadata["rules"] = describe(request.rules);
  }
  if (request.method == Method::kLrp) result.metadata["rules"] = describe(request.lrp_rules);
  if (request.method == Method::kGradCam) result.metadata["map"] = request.signed_map ? "signed" : "relu";
  if (request.method == Method::kDeepLift || setup.references > 1) {
    result.metadata["references"] = fmt::format("{}", setup.references);
  }
  if (request.method == Method::kAblation) {
    const AblationOptions& options = request.ablation;
    result.metadata["units"] =
        options.groups.empty() ? to_string(options.unit) : fmt::format("{} groups", options.groups.size());
    result.metadata["replacement"] = to_string(options.replacement);
  }
  if (is_path_method(request.method)) {
    result.metadata["quadrature"] = to_string(request.quadrature);
    if (is_adaptive(request)) {
      result.metadata["tolerance"] = fmt::format("{}", request.tolerance);
      result.metadata["max_steps"] = fmt::format("{}", request.max_steps);
    } else if (request.quadrature != Quadrature::kExact) {
      result.metadata["steps"] = fmt::format("{}", request.steps);
    }
  }
  return result;
}

void add_residuals(const Request& request, Result& result) {
  if (!is_complete(request)) return;
  const auto count = static_cast<std::int64_t>(result.f_input.size());
  for (LayerResult& layer : result.layers) {
    if (!layer.cut) continue;
    for (std::int64_t n = 0; n < count; ++n) {
      const auto values = attribution::values_of(layer, n, count);
      const double sum = attribution::sum_of(values.size(), [&](std::size_t i) { return values[i]; });
      const auto e = static_cast<std::size_t>(n);
      const double difference = result.f_input[e] - result.f_baseline[e];
      layer.residual.push_back(sum - difference);
      const double norm = attribution::l1_norm(values);
      const double summed = std::max({norm, std::abs(result.f_input[e]), std::abs(result.f_baseline[e])});
      layer.cancellation.push_back(difference == 0 && norm == 0 ? 1 : summed / std::abs(difference));
    }
  }
}

}  // namespace

Result attribute(const Model& model, const Inputs& inputs, const Request& request) {
  check(request);
  const bool exact = request.quadrature == Quadrature::kExact;
  if (exact && model.impl().options.precision != Precision::kDouble) {
    ModelOptions options = model.impl().options;
    options.precision = Precision::kDouble;
    return attribute(model.with_options(options), inputs, request);
  }
  Request watched = request;
  const auto poll = attribution::watch(watched);
  const attribution::Setup setup = attribution::set_up(model.impl(), inputs, watched, poll);
  Result result = attribution::compute(model.impl(), setup, watched);
  // A single example has no other mean than itself.
  const bool comparable = request.method != Method::kAblation || request.ablation.replacement != Replacement::kMean;
  if (comparable && request.measure_precision && model.impl().options.precision == Precision::kBfloat16) {
    attribution::add_precision_error(model.impl(), inputs, watched, poll, *setup.first_points, result);
  }
  attribution::aggregate_positions(request.aggregate_positions, result);
  return result;
}

namespace attribution {

namespace {

void integrate(const Setup& setup, const Request& request, Result& result) {
  if (request.method == Method::kConductance) return conductance(setup, request, result);
  if (request.quadrature == Quadrature::kExact) return integrate_exact(setup, request, result);
  const Quadrature rule = request.quadrature == Quadrature::kAdaptive ? choose_rule(setup) : request.quadrature;
  result.metadata["rule"] = to_string(rule);
  rule == Quadrature::kSecant ? integrate_secants(setup, request, result) : integrate_paths(setup, request, result);
}

}  // namespace

Result compute(const Model::Impl& model, const Setup& setup, const Request& wanted) {
  kernels::MemoryShare counted(model.onnx->memory());
  Result result = empty_result(model, setup, wanted, counted);
  // Path points are kept as far as there is room, and evaluated again beyond.
  Request request = wanted;
  request.memory_budget = std::min(request.memory_budget, model.onnx->memory()->left() / 2);
  if (is_path_method(request.method)) counted.take(request.memory_budget, "stored path points");
  switch (request.method) {
    case Method::kNig:
    case Method::kIg:
    case Method::kInternalInfluence:
    case Method::kConductance:
      setup.references > 1 ? average_over_references(setup, request, result, integrate)
                           : integrate(setup, request, result);
      break;
    case Method::kActivation:
    case Method::kGradient:
    case Method::kGradientXActivation:
    case Method::kGradCam:
    case Method::kLrp:
      pointwise(setup, request, result);
      break;
    case Method::kDeepLift:
      deeplift(setup, request, result);
      break;
    case Method::kAblation:
      ablation(setup, request, result);
      break;
  }
  add_residuals(request, result);
  return result;
}

std::span<double> values_of(LayerResult& layer, std::int64_t index, std::int64_t examples) {
  const auto all = layer.values.as<double>();
  const std::size_t size = all.size() / static_cast<std::size_t>(examples);
  return all.subspan(size * static_cast<std::size_t>(index), size);
}

}  // namespace attribution

}  // namespace mho
