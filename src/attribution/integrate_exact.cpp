// Path integrals without quadrature, for piecewise linear networks: NIG, IG and Internal Influence to rounding.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/evaluator.h"
#include "attribution/measures.h"
#include "attribution/non_finite.h"
#include "engine/exact_line.h"

namespace mho::attribution {

engine::PiecewiseRequest piecewise_request(const Setup& setup) {
  engine::PiecewiseRequest request;
  request.graph = setup.graph;
  request.target = setup.target.value;
  // As an Evaluator without an affine prefix has its feeds.
  request.feeds.assign(setup.graph->inputs().begin(), setup.graph->inputs().end());
  request.feeds.insert(request.feeds.end(), setup.sources.embedded.begin(), setup.sources.embedded.end());
  for (const graph::ValueId id : request.feeds) {
    if (setup.facts.active[static_cast<std::size_t>(id)]) request.moving.push_back(id);
  }
  for (const LayerChoice& layer : setup.layers) request.layers.push_back(setup.graph->find(layer.name));
  return request;
}

void integrate_exact(const Setup& setup, const Request& request, Result& result) {
  ProgressReport progress(request, setup.inputs.count);
  std::int64_t done = 0;
  engine::ExactLine line(piecewise_request(setup), setup.network->device(),
                         {.by_alpha = request.method == Method::kInternalInfluence,
                          .max_breakpoints = request.max_breakpoints,
                          .memory = request.memory_budget,
                          .progress = [&](std::int64_t evaluations) { progress.report(done, evaluations); },
                          .poll = setup.poll.get()});
  // Both ends of the paths, and the targets that follow from them.
  Evaluator ends(setup, request.target, 1,
                 {.gradients = false, .optimize = request.optimize, .use_affine_prefix = false});
  result.micro_batch = 1;
  result.batching = "exact: one example at a time, in double precision";
  for (std::int64_t example = 0; example < setup.inputs.count; ++example) {
    const auto n = static_cast<std::size_t>(example);
    ExamplePath path = ends.path(example);
    for (const double alpha : {1.0, 0.0}) {
      const PathPoint point{&path, alpha};
      ends.evaluate({&point, 1});
      (alpha == 1 ? result.f_input : result.f_baseline)[n] = ends.target(0);
    }
    line.run(*path.from, *path.to, path.target->weights);
    for (std::size_t l = 0; l < setup.layers.size(); ++l) {
      if (!std::ranges::all_of(line.values(l), [](double v) { return std::isfinite(v); })) {
        refuse(setup, request.target, {},
               {fmt::format("the attribution of layer '{}'", setup.layers[l].name), example, line.alphas()});
      }
      std::ranges::copy(line.values(l), values_of(result.layers[l], example, setup.inputs.count).begin());
      result.layers[l].estimated_error[n] = 0;
    }
    result.target[n] = path.target->index;
    result.evaluations[n] = line.evaluations() + 2;
    result.steps[n] = static_cast<std::int64_t>(line.alphas().size()) - 1;
    result.converged[n] = true;
    ++done;
    progress.report(done, 2);
  }
}

}  // namespace mho::attribution
