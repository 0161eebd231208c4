// evaluate(): runs every method, and the runs with units replaced that they are judged by.
#include <fmt/format.h>
#include <mho/evaluation.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "attribution/layer_evaluation.h"
#include "attribution/measures.h"
#include "attribution/sensitivity.h"

namespace mho {

namespace {

using attribution::Ends;
using attribution::MethodValues;
using attribution::Setup;
using attribution::Units;

[[noreturn]] void refuse(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

void check(const EvaluationRequest& request) {
  const auto at_least = [](const char* name, std::int64_t value, std::int64_t least) {
    if (value < least) refuse(fmt::format("{} is {}; it must be at least {}", name, value, least));
  };
  at_least("curve_points", request.curve_points, 1);
  at_least("single_units", request.single_units, 1);
  at_least("top", request.top, 1);
  at_least("subsets", request.subsets, 0);
  at_least("noises", request.noises, 0);
  at_least("resamples", request.resamples, 0);
  if (!(request.radius > 0) || !std::isfinite(request.radius)) {
    refuse(fmt::format("the radius of the noise is {}; it must be a positive number", request.radius));
  }
  if (!(request.confidence > 0 && request.confidence < 1)) {
    refuse(fmt::format("the confidence is {}; it must be above 0 and below 1", request.confidence));
  }
  if (request.methods.empty()) refuse("there is no method to evaluate");
  std::set<std::string> names = {"random", "reversed"};
  for (const EvaluatedMethod& method : request.methods) {
    if (!names.insert(method.name).second) refuse(fmt::format("there are two methods called '{}'", method.name));
    if (method.method == Method::kIg) refuse("ig has no layers to evaluate: nig at the input is the same");
    if (method.name == "ablation" && method.method != Method::kAblation) refuse("only ablation is called 'ablation'");
  }
  if (attribution::has_several_references(request.request.baseline)) {
    refuse("units are replaced by one baseline: give a number, mean or arrays instead of a set of references");
  }
}

/// The request for one method on these layers.
Request for_method(const EvaluationRequest& evaluation, const EvaluatedMethod& method) {
  Request request = evaluation.request;
  request.method = method.method;
  request.rules = method.rules;
  request.multipliers = false;
  request.split_by_input = false;
  request.measure_precision = false;
  if (method.method != Method::kAblation) request.ablation.groups.clear();
  const bool walks = method.method == Method::kNig || method.method == Method::kConductance ||
                     method.method == Method::kInternalInfluence;
  if (!walks) {
    request.quadrature = Quadrature::kAdaptive;
    request.steps = 0;
  }
  return request;
}

/// Values summed over the neurons of each unit, example by example.
std::vector<double> unit_values(const LayerResult& layer, const Units& units, Method method) {
  const auto all = layer.values.as<double>();
  if (method == Method::kAblation) return {all.begin(), all.end()};
  const auto count = static_cast<std::size_t>(layer.values.shape()[0]);
  const std::size_t size = all.size() / count;
  std::vector<double> result;
  result.reserve(count * static_cast<std::size_t>(units.count()));
  for (std::size_t first = 0; first < all.size(); first += size) {
    for (std::int64_t u = 0; u < units.count(); ++u) {
      double sum = 0;
      for (const std::int64_t e : units.elements(u)) sum += all[first + static_cast<std::size_t>(e)];
      result.push_back(sum);
    }
  }
  return result;
}

class Evaluator {
 public:
  Evaluator(const Model& model, const Inputs& inputs, const EvaluationRequest& request)
      : model_(model), inputs_(inputs), request_(request) {
    poll_ = attribution::watch(request_.request);
    request_.request.method = Method::kAblation;
    request_.request.measure_precision = false;
    if (request_.request.layers.empty()) {
      Request cuts = for_method(request_, {"nig", Method::kNig});
      for (const auto& layer : attribution::set_up(model.impl(), inputs, cuts, poll_).layers) {
        request_.request.layers.push_back(layer.name);
      }
    }
    setup_ = attribution::set_up(model.impl(), inputs, request_.request, poll_);
    request_.request.layers.clear();
    for (const auto& layer : setup_.layers) {
      request_.request.layers.push_back(layer.name);
      const Shape& shape = setup_.graph->value(setup_.graph->find(layer.name)).type.shape;
      units_.emplace_back(layer.name, shape, request_.request.ablation);
    }
    ends_ = attribution::run_ends(setup_, request_.request);
    // Neither noise nor rounding may change what is explained, or from where.
    if (std::holds_alternative<ArgmaxTarget>(request_.request.target)) {
      IndexTarget fixed;
      for (const auto& target : ends_.targets) fixed.indices.push_back({target.index});
      request_.request.target = fixed;
    }
    if (std::holds_alternative<MeanBaseline>(request_.request.baseline)) {
      request_.request.baseline = setup_.baselines;
      baseline_ = "mean";
    }
  }

  Evaluation run() {
    Evaluation result;
    const auto layers = setup_.layers.size();
    std::vector<std::vector<MethodValues>> values(layers);
    for (const EvaluatedMethod& method : request_.methods) {
      std::vector<MethodValues> of_method = run_method(method, result);
      for (std::size_t l = 0; l < layers; ++l) values[l].push_back(std::move(of_method[l]));
    }
    const attribution::Bootstrap bootstrap(static_cast<std::size_t>(setup_.inputs.count), request_);
    attribution::ProgressReport progress(request_.request, setup_.inputs.count);
    const bool single = model_.impl().options.precision != Precision::kDouble;
    for (std::size_t l = 0; l < layers; ++l) {
      result.layers.push_back(attribution::evaluate_layer(
          {setup_, ends_, request_, l, units_[l], std::move(values[l]), single ? 0x1p-21 : 0x1p-42}, bootstrap,
          [&](std::int64_t runs) { progress.report(0, runs); }));
    }
    result.f_input = ends_.f_input;
    result.f_baseline = ends_.f_baseline;
    for (const auto& target : ends_.targets) result.target.push_back(target.index);
    result.target_tensor = setup_.target.name;
    result.target_note = setup_.target.note;
    return result;
  }

 private:
  [[nodiscard]] Result attribute_with(const EvaluatedMethod& method, const Inputs& inputs) const {
    try {
      Result result = attribute(model_, inputs, for_method(request_, method));
      if (!std::ranges::equal(result.layers, setup_.layers, {}, &LayerResult::name, &attribution::LayerChoice::name)) {
        refuse("it has other layers than ablation: name them with -l");
      }
      return result;
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("method '{}': {}", method.name, error.what()));
    }
  }

  std::vector<MethodValues> run_method(const EvaluatedMethod& method, Evaluation& evaluation) const {
    const auto count = static_cast<double>(setup_.inputs.count);
    const auto start = std::chrono::steady_clock::now();
    const Result result = attribute_with(method, inputs_);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double evaluations = 0;
    for (const std::int64_t spent : result.evaluations) evaluations += static_cast<double>(spent);
    evaluation.costs.push_back({method.name, seconds.count() / count, evaluations / count});
    if (evaluation.metadata.empty()) evaluation.metadata = metadata(result);
    std::vector<MethodValues> values;
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      values.push_back({method.name, false, unit_values(result.layers[l], units_[l], method.method), {}});
    }
    measure_sensitivity(method, values);
    return values;
  }

  void measure_sensitivity(const EvaluatedMethod& method, std::vector<MethodValues>& values) const {
    for (std::int64_t number = 0; number < request_.noises; ++number) {
      const auto noisy = attribution::with_noise(setup_, inputs_, request_.radius, request_.seed, number);
      if (!noisy) return;
      const Result result = attribute_with(method, *noisy);
      for (std::size_t l = 0; l < values.size(); ++l) {
        const std::vector<double> changes = attribution::relative_changes(
            values[l].values, unit_values(result.layers[l], units_[l], method.method), setup_.inputs.count);
        std::vector<double>& most = values[l].sensitivity;
        if (most.empty()) most = changes;
        for (std::size_t n = 0; n < most.size(); ++n) most[n] = std::max(most[n], changes[n]);
      }
    }
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Result& result) const {
    const AblationOptions& ablation = request_.request.ablation;
    std::map<std::string, std::string> data;
    for (const char* key : {"mho", "model_sha256", "precision", "baseline"}) data[key] = result.metadata.at(key);
    if (!baseline_.empty()) data["baseline"] = baseline_;
    std::string methods;
    for (const EvaluatedMethod& method : request_.methods) methods += (methods.empty() ? "" : ",") + method.name;
    data["methods"] = methods;
    data["units"] =
        ablation.groups.empty() ? to_string(ablation.unit) : fmt::format("{} groups", ablation.groups.size());
    data["replacement"] = to_string(ablation.replacement);
    data["curve_points"] = fmt::format("{}", request_.curve_points);
    data["single_units"] = fmt::format("{}", request_.single_units);
    data["top"] = fmt::format("{}", request_.top);
    data["subsets"] = fmt::format("{}", request_.subsets);
    data["noises"] = fmt::format("{}", request_.noises);
    data["radius"] = fmt::format("{}", request_.radius);
    data["resamples"] = fmt::format("{}", request_.resamples);
    data["confidence"] = fmt::format("{}", request_.confidence);
    data["statistic"] = request_.statistic == Statistic::kMean ? "mean" : "median";
    data["seed"] = fmt::format("{}", request_.seed);
    return data;
  }

  const Model& model_;
  const Inputs& inputs_;
  EvaluationRequest request_;
  std::shared_ptr<kernels::Poll> poll_;
  Setup setup_;
  std::vector<Units> units_;
  Ends ends_;
  std::string baseline_;  ///< where methods are given another one
};

constexpr std::array<const char*, kMetrics> kMetricNames = {"deletion_area",     "insertion_area", "spearman",
                                                            "kendall",           "completeness",   "infidelity",
                                                            "infidelity_scaled", "max_sensitivity"};

}  // namespace

const char* to_string(Metric metric) noexcept { return kMetricNames[static_cast<std::size_t>(metric)]; }

EvaluatedMethod parse_evaluated_method(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto method = parse_method(text.substr(0, colon));
  if (!method) refuse(fmt::format("there is no method '{}' (all: mho attribute --help)", text.substr(0, colon)));
  if (*method == Method::kIg) refuse("ig has no layers to evaluate: nig at the input is the same");
  EvaluatedMethod result{std::string(text), *method};
  if (colon == std::string_view::npos) return result;
  const auto rule = parse_rule(text.substr(colon + 1));
  if (*method != Method::kDeepLift || !rule) {
    refuse(fmt::format("'{}': only deeplift has rules: rescale, reveal_cancel, genomics, gradient, linear", text));
  }
  result.rules.push_back({"*", *rule});
  return result;
}

Evaluation evaluate(const Model& model, const Inputs& inputs, const EvaluationRequest& request) {
  check(request);
  return Evaluator(model, inputs, request).run();
}

}  // namespace mho
