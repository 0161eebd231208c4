// What bfloat16 did to the attributions: the first example once more in float32, at the same points of the path.
#include <cmath>
#include <limits>

#include "attribution/measures.h"

namespace mho::attribution {

namespace {

/// The request for which float32 computes the same sum: rounding must change neither the target nor the path's points.
Request in_single(const Request& request, const Result& result) {
  Request same = request;
  const bool one_index =
      std::holds_alternative<ArgmaxTarget>(request.target) || std::holds_alternative<IndexTarget>(request.target);
  if (one_index) same.target = IndexTarget{{{result.target[0]}}};
  const bool adaptive =
      request.steps == 0 && (request.quadrature == Quadrature::kAdaptive || request.quadrature == Quadrature::kSecant);
  // Paths from several references have numbers of their own.
  if (adaptive && result.steps[0] > 0 && !has_several_references(request.baseline)) {
    const auto rule = result.metadata.find("rule");
    if (rule != result.metadata.end() && rule->second == to_string(Quadrature::kTrapezoid)) {
      // Sums of the level before may be part of the result: all levels, up to the same.
      same.tolerance = std::numeric_limits<double>::min();
      same.max_steps = result.steps[0];
    } else {
      same.steps = result.steps[0];
    }
  }
  if (request.progress) {
    // All examples are done; what is left is only to be cancelled.
    const auto examples = static_cast<std::int64_t>(result.f_input.size());
    std::int64_t evaluations = 0;
    for (const std::int64_t spent : result.evaluations) evaluations += spent;
    same.progress = [show = request.progress, examples, evaluations](const Progress& progress) {
      return show({examples, examples, evaluations + progress.evaluations});
    };
  }
  return same;
}

double relative_difference(std::span<const double> values, std::span<const double> exact) {
  double difference = 0, sum = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    difference += std::abs(values[i] - exact[i]);
    sum += std::abs(exact[i]);
  }
  return difference == 0 ? 0 : difference / sum;
}

}  // namespace

void add_precision_error(const Model::Impl& model, const Inputs& inputs, const Request& request,
                         const std::shared_ptr<kernels::Poll>& poll, const std::vector<double>& points,
                         Result& result) {
  if (!has_bfloat16()) {
    for (LayerResult& layer : result.layers) layer.precision_error = 0;
    return;
  }
  const Request same = in_single(request, result);
  // All inputs are needed where the baseline is their mean.
  Setup setup = set_up(*model.single, inputs, same, poll);
  const std::int64_t examples = setup.inputs.count;
  setup.inputs.count = 1;
  *setup.first_points = points;
  Result single = compute(*model.single, setup, same);
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    LayerResult& layer = result.layers[l];
    layer.precision_error = relative_difference(values_of(layer, 0, examples), values_of(single.layers[l], 0, 1));
  }
}

}  // namespace mho::attribution
