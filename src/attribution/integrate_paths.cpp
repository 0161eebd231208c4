// Path integrals of all layers for all examples, packed into micro-batches: NIG, IG, Internal Influence.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>

#include "attribution/choose_rule.h"
#include "attribution/example_run.h"
#include "attribution/measures.h"
#include "attribution/non_finite.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

class Integrator {
 public:
  Integrator(const Setup& setup, const Request& request, Result& result)
      : setup_(setup),
        request_(request),
        result_(result),
        progress_(request, setup.inputs.count),
        evaluator_(setup, request.target, batch_size(setup, request),
                   {.optimize = request.optimize,
                    .graded = request.quadrature == Quadrature::kAdaptive,
                    .lanes = lanes_for(setup)}) {
    result.micro_batch = evaluator_.capacity();
    options_.measure = request.method == Method::kInternalInfluence ? Measure::kAlpha : Measure::kDifferences;
    options_.rule = request.quadrature;
    options_.steps = request.steps;
    options_.max_steps = request.max_steps;
    options_.tolerance = request.tolerance;
    options_.exact = std::ranges::all_of(setup.layers, [](const LayerChoice& layer) { return layer.affine_to_target; });
    options_.smooth = request.steps == 0 && is_smooth(setup);
    share_memory();
  }

  void run() {
    std::vector<PathPoint> points;
    std::vector<ExampleRun*> owners;
    points.reserve(static_cast<std::size_t>(evaluator_.capacity()));
    owners.reserve(static_cast<std::size_t>(evaluator_.capacity()));
    while (next_example_ < setup_.inputs.count || !runs_.empty()) {
      points.clear();
      owners.clear();
      collect(points, owners);
      evaluator_.evaluate(points);
      for (std::size_t p = 0; p < points.size(); ++p) owners[p]->deliver(evaluator_, p);
      for (ExampleRun& example : runs_) example.settle(evaluator_.device());
      finish_done_runs();
      progress_.report(finished_, static_cast<std::int64_t>(points.size()));
    }
  }

 private:
  /// No more slots than all examples together can fill on their first level, and runs as full as can be.
  static std::int64_t batch_size(const Setup& setup, const Request& request) {
    const std::int64_t first = request.steps > 0 ? request.steps + 1 : 9;
    const std::int64_t points = std::max<std::int64_t>(1, first * setup.inputs.count);
    const std::int64_t most = lanes_for(setup) * lane_batch_for(setup);
    const std::int64_t runs = (points + most - 1) / most;
    return (points + runs - 1) / runs;
  }

  /// How many examples are under way at once, and how many path points each may keep, within the memory budget.
  void share_memory() {
    std::int64_t elements = 0;
    for (const kernels::TensorType& type : evaluator_.layer_types()) elements += type.stored_elements();
    const auto point_bytes =
        std::max<std::int64_t>(1, 2 * elements * static_cast<std::int64_t>(size_of(evaluator_.device().real())));
    const std::int64_t sums_bytes = std::max<std::int64_t>(1, 2 * (8 * elements + point_bytes));
    // Enough to fill a micro-batch although a level ends with fewer points than slots.
    concurrent_ = std::min(setup_.inputs.count, 1 + (evaluator_.capacity() + 7) / 8);
    concurrent_ = std::clamp<std::int64_t>(request_.memory_budget / sums_bytes, 1, concurrent_);
    options_.stored_points = request_.memory_budget / concurrent_ / point_bytes;
  }

  void collect(std::vector<PathPoint>& points, std::vector<ExampleRun*>& owners) {
    const auto full = [&] { return static_cast<std::int64_t>(points.size()) == evaluator_.capacity(); };
    const auto drain = [&](ExampleRun& example) {
      while (!full()) {
        const std::optional<double> alpha = example.next_point();
        if (!alpha) return;
        points.push_back({&example.path(), *alpha});
        owners.push_back(&example);
      }
    };
    for (ExampleRun& example : runs_) drain(example);
    while (!full() && next_example_ < setup_.inputs.count && static_cast<std::int64_t>(runs_.size()) < concurrent_) {
      runs_.emplace_back(evaluator_.path(next_example_++), options_, evaluator_.layer_types());
      drain(runs_.back());
    }
  }

  void finish_done_runs() {
    for (auto it = runs_.begin(); it != runs_.end();) {
      if (!it->done()) {
        ++it;
        continue;
      }
      write(*it);
      ++finished_;
      it = runs_.erase(it);
    }
  }

  void write(ExampleRun& run) {
    const auto n = static_cast<std::size_t>(run.example());
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      const LayerEstimate& estimate = run.estimates()[l];
      if (!std::isfinite(estimate.norm)) {
        std::vector<double> alphas;
        for (const PathNode& node : run.nodes()) alphas.push_back(node.alpha);
        refuse(setup_, request_.target, {},
               {fmt::format("the attribution of layer '{}'", setup_.layers[l].name), run.example(), std::move(alphas)});
      }
      engine::to_host(evaluator_.device(), run.sum(l),
                      values_of(result_.layers[l], run.example(), setup_.inputs.count));
      result_.layers[l].estimated_error[n] = setup_.layers[l].affine_to_target ? 0 : estimate.error;
    }
    if (n == 0 && run.path().grading != ExamplePath::kUniform) {
      result_.metadata["grading"] = fmt::format("{}", run.path().grading);
    }
    result_.f_input[n] = run.f_input();
    result_.f_baseline[n] = run.f_baseline();
    result_.target[n] = run.path().target->index;
    result_.evaluations[n] = run.evaluations();
    result_.steps[n] = run.steps();
    result_.converged[n] = run.converged();
  }

  const Setup& setup_;
  const Request& request_;
  Result& result_;
  ProgressReport progress_;
  Evaluator evaluator_;
  PathOptions options_;
  std::int64_t concurrent_ = 1;
  std::int64_t next_example_ = 0;
  std::int64_t finished_ = 0;
  std::list<ExampleRun> runs_;
};

}  // namespace

void integrate_paths(const Setup& setup, const Request& request, Result& result) {
  Integrator(setup, request, result).run();
}

}  // namespace mho::attribution
