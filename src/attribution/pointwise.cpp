// Measures at a single point: activation, gradient, gradient times activation, Grad-CAM, LRP.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <list>

#include "attribution/evaluator.h"
#include "attribution/grad_cam.h"
#include "attribution/lrp.h"
#include "attribution/measures.h"
#include "attribution/non_finite.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

/// The layer's values from y and what reaches it: dF/dy, or relevance per unit of y.
void combine(const Request& request, const Array& y, const Array& g, std::span<double> out) {
  if (request.method == Method::kGradCam) return grad_cam(y, g, request.signed_map, out);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    switch (request.method) {
      case Method::kActivation:
        out[i] = y.at(k);
        break;
      case Method::kGradient:
        out[i] = g.at(k);
        break;
      default:
        out[i] = y.at(k) * g.at(k);
    }
  }
}

}  // namespace

void pointwise(const Setup& setup, const Request& request, Result& result) {
  const bool gradients = request.method != Method::kActivation;
  const std::int64_t batch = std::min(setup.micro_batch, 2 * setup.inputs.count);
  EvaluatorOptions options{.gradients = gradients, .optimize = request.optimize, .use_affine_prefix = false};
  if (request.method == Method::kLrp) {
    options.relevance_of = make_relevance_rules(*setup.graph, setup.facts, request.lrp_rules);
  }
  Evaluator evaluator(setup, request.target, batch, options);
  result.micro_batch = evaluator.capacity();
  ProgressReport progress(request, setup.inputs.count);

  const auto take = [&](ExamplePath& path, std::size_t slot, std::size_t l) {
    const auto out = values_of(result.layers[l], path.example, setup.inputs.count);
    const Array y = engine::to_host(evaluator.device(), evaluator.value(l, slot));
    const Array g = gradients ? engine::to_host(evaluator.device(), evaluator.gradient(l, slot)) : Array();
    combine(request, y, g, out);
    if (std::ranges::all_of(out, [](double v) { return std::isfinite(v); })) return;
    refuse(setup, request.target, options, {fmt::format("layer '{}'", setup.layers[l].name), path.example, {1}});
  };

  // x and x' of every example, x first; a micro-batch may end between the two.
  std::list<ExamplePath> paths;
  std::vector<PathPoint> points;
  std::int64_t done = 0;
  const auto flush = [&] {
    evaluator.evaluate(points);
    for (std::size_t p = 0; p < points.size(); ++p) {
      const auto n = static_cast<std::size_t>(points[p].path->example);
      if (points[p].alpha == 0) {
        result.f_baseline[n] = evaluator.target(p);
        ++done;
        continue;
      }
      result.f_input[n] = evaluator.target(p);
      result.target[n] = points[p].path->target->index;
      result.evaluations[n] = 2;
    }
    // Reading may evaluate again to find a NaN, so targets come first.
    for (std::size_t p = 0; p < points.size(); ++p) {
      for (std::size_t l = 0; points[p].alpha == 1 && l < setup.layers.size(); ++l) take(*points[p].path, p, l);
    }
    progress.report(done, static_cast<std::int64_t>(points.size()));
    points.clear();
    while (paths.size() > 1) paths.pop_front();
  };
  for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
    paths.push_back(evaluator.path(n));
    for (const double alpha : {1.0, 0.0}) {
      points.push_back({&paths.back(), alpha});
      if (static_cast<std::int64_t>(points.size()) == evaluator.capacity()) flush();
    }
  }
  if (!points.empty()) flush();
}

}  // namespace mho::attribution
