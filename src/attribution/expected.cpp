// Path measures against several references: the mean, over the references, of the measure against each of them.
//
//   A_j = 1/R sum_r A_j(x'_r -> x),   sum_j A_j = F(x) - 1/R sum_r F(x'_r) at a cut
//
// Expected gradients (Erion et al., arXiv 1906.10670) draw references and alphas together; here every reference has its
// integral by the request's quadrature, so that the only choice left to chance is that of the references.
#include <algorithm>
#include <cmath>
#include <utility>

#include "attribution/measures.h"

namespace mho::attribution {

namespace {

/// The baselines of reference `number`, as those of a Setup with one reference.
std::map<std::string, Array, std::less<>> baselines_of(const Setup& setup, std::int64_t number) {
  std::map<std::string, Array, std::less<>> result;
  for (const auto& [name, all] : setup.baselines) {
    if (!setup.own_references) {
      result.emplace(name, setup.baseline(name, number));
      continue;
    }
    Shape shape = setup.example_shape(name);
    shape.insert(shape.begin(), setup.inputs.count);
    Array own(all.dtype(), shape);
    std::byte* to = own.bytes().data();
    for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
      to = std::ranges::copy(setup.baseline(name, setup.reference_of(n, number)).bytes(), to).out;
    }
    result.emplace(name, std::move(own));
  }
  return result;
}

double l1(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += std::abs(v);
  return sum;
}

/// Per layer and example, the sum over references of the norms of what they give.
using Norms = std::vector<std::vector<double>>;

/// Adds what one reference gives. Estimates of errors are made absolute: |sum of errors| <= sum of |errors|.
void add(Result& part, std::int64_t examples, Result& sum, Norms& norms) {
  for (std::size_t l = 0; l < sum.layers.size(); ++l) {
    for (std::int64_t n = 0; n < examples; ++n) {
      const auto e = static_cast<std::size_t>(n);
      const auto from = values_of(part.layers[l], n, examples);
      const auto to = values_of(sum.layers[l], n, examples);
      for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
      const double norm = l1(from);
      norms[l][e] += norm;
      // An error relative to nothing is infinite: 0 times that would be NaN, "no estimate".
      const double error = part.layers[l].estimated_error[e];
      sum.layers[l].estimated_error[e] += std::isinf(error) ? error : error * norm;
    }
  }
  for (std::size_t e = 0; e < sum.f_input.size(); ++e) {
    sum.f_input[e] = part.f_input[e];
    sum.f_baseline[e] += part.f_baseline[e];
    sum.target[e] = part.target[e];
    sum.evaluations[e] += part.evaluations[e];
    sum.steps[e] = std::max(sum.steps[e], part.steps[e]);
    sum.converged[e] = sum.converged[e] && part.converged[e];
  }
}

/// Whether segments are added until errors are within the tolerance.
bool is_adaptive(const Request& request) { return request.steps == 0; }

void divide(Result& sum, std::int64_t references, const Request& request) {
  const auto examples = static_cast<std::int64_t>(sum.f_input.size());
  const double weight = 1 / static_cast<double>(references);
  for (LayerResult& layer : sum.layers) {
    for (std::int64_t n = 0; n < examples; ++n) {
      const auto e = static_cast<std::size_t>(n);
      const auto values = values_of(layer, n, examples);
      const double norm = l1(values);
      double& error = layer.estimated_error[e];
      if (error != 0) error /= norm;
      for (double& v : values) v *= weight;
    }
  }
  for (double& f : sum.f_baseline) f *= weight;
  if (!is_adaptive(request)) return;
  for (std::size_t e = 0; e < sum.f_input.size(); ++e) {
    sum.converged[e] = std::ranges::none_of(
        sum.layers, [&](const LayerResult& layer) { return layer.estimated_error[e] > request.tolerance; });
  }
}

/// The target is chosen once, against the first reference.
Target same_target(const Target& target, const Result& result) {
  if (!std::holds_alternative<ArgmaxTarget>(target)) return target;
  IndexTarget chosen;
  for (const std::int64_t index : result.target) chosen.indices.push_back({index});
  return chosen;
}

/// The caller's progress: examples are done when all their references are.
struct Spending {
  const Request& request;
  std::int64_t examples;
  std::int64_t done = 0;
  std::int64_t before = 0;  ///< evaluations of runs that have ended
  std::int64_t now = 0;

  bool operator()(const Progress& progress) {
    now = progress.evaluations;
    return !request.progress || request.progress({done, examples, before + now});
  }
  void end_run() { before += std::exchange(now, 0); }
};

/// `result`, which is empty, becomes the mean over the Setup's references, and `request` gets the target as it was
/// chosen.
Norms run_all(const Setup& setup, Request& request, Result& result, const PathMeasure& measure, Spending& spending) {
  Setup one = setup;
  one.references = 1;
  one.own_references = false;
  request.progress = [&spending](const Progress& progress) { return spending(progress); };
  const Result empty = result;
  Norms norms(result.layers.size(), std::vector<double>(result.f_input.size(), 0));
  for (LayerResult& layer : result.layers) std::ranges::fill(layer.estimated_error, 0.0);
  for (std::int64_t number = 0; number < setup.references; ++number) {
    one.baselines = baselines_of(setup, number);
    Result part = empty;
    measure(one, request, part);
    spending.end_run();
    add(part, setup.inputs.count, result, norms);
    request.target = same_target(request.target, part);
    result.micro_batch = part.micro_batch;
    result.batching = part.batching;
    if (number == 0) result.metadata = part.metadata;
  }
  divide(result, setup.references, request);
  return norms;
}

/// The Setup of example n alone.
Setup alone(const Setup& setup, std::int64_t n) {
  Setup one = setup;
  one.inputs.count = 1;
  for (auto& [name, array] : one.inputs.arrays) array = setup.inputs.example(name, n);
  if (!setup.own_references) return one;
  for (auto& [name, array] : one.baselines) {
    Shape shape = setup.example_shape(name);
    shape.insert(shape.begin(), setup.references);
    Array own(array.dtype(), shape);
    std::byte* to = own.bytes().data();
    for (std::int64_t k = 0; k < setup.references; ++k) {
      to = std::ranges::copy(setup.baseline(name, setup.reference_of(n, k)).bytes(), to).out;
    }
    array = std::move(own);
  }
  return one;
}

/// At which tolerance of every path the errors e |A_r| of example n sum up to the request's: e sum |A_r| <= tolerance
/// |sum A_r|, in the layers where they do not. 0: at none.
double tolerance_of_paths(Result& result, std::int64_t n, const Norms& norms, const Setup& setup, double tolerance) {
  const auto e = static_cast<std::size_t>(n);
  constexpr double kMargin = 0.95;  // norms change a little
  double least = tolerance;
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    if (result.layers[l].estimated_error[e] <= tolerance) continue;
    const double norm = l1(values_of(result.layers[l], n, setup.inputs.count)) * static_cast<double>(setup.references);
    least = std::min(least, kMargin * tolerance * norm / norms[l][e]);
  }
  return least;
}

/// Example n once more, its paths to a tolerance of their own.
void refine(const Setup& setup, Request request, double of_paths, std::int64_t n, Result& result,
            const PathMeasure& measure, Spending& spending) {
  const auto e = static_cast<std::size_t>(n);
  const std::int64_t examples = setup.inputs.count;
  Result own;
  for (const LayerResult& layer : result.layers) {
    Shape shape = layer.values.shape();
    shape[0] = 1;
    LayerResult& one = own.layers.emplace_back();
    one.name = layer.name;
    one.cut = layer.cut;
    one.values = Array(DType::f64, shape);
    one.estimated_error.assign(1, 0);
  }
  for (auto* numbers : {&own.f_input, &own.f_baseline}) numbers->assign(1, 0);
  for (auto* numbers : {&own.target, &own.evaluations, &own.steps}) numbers->assign(1, 0);
  own.converged.assign(1, true);
  if (std::holds_alternative<IndexTarget>(request.target)) request.target = IndexTarget{{{result.target[e]}}};
  const double tolerance = std::exchange(request.tolerance, of_paths);
  run_all(alone(setup, n), request, own, measure, spending);
  for (std::size_t l = 0; l < own.layers.size(); ++l) {
    std::ranges::copy(values_of(own.layers[l], 0, 1), values_of(result.layers[l], n, examples).begin());
    result.layers[l].estimated_error[e] = own.layers[l].estimated_error[0];
  }
  result.converged[e] = std::ranges::none_of(
      result.layers, [&](const LayerResult& layer) { return layer.estimated_error[e] > tolerance; });
  result.evaluations[e] += own.evaluations[0];
  result.steps[e] = own.steps[0];
}

}  // namespace

void average_over_references(const Setup& setup, const Request& request, Result& result, const PathMeasure& measure) {
  Spending spending{request, setup.inputs.count};
  Request each = request;
  const Norms norms = run_all(setup, each, result, measure, spending);
  // Means of what cancels have errors of the size of what was cancelled.
  for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
    const auto e = static_cast<std::size_t>(n);
    if (is_adaptive(request) && !result.converged[e] && result.steps[e] < request.max_steps) {
      const double of_paths = tolerance_of_paths(result, n, norms, setup, request.tolerance);
      if (of_paths > 0) refine(setup, each, of_paths, n, result, measure, spending);
    }
    ++spending.done;
  }
  spending(Progress{});
}

}  // namespace mho::attribution
