// What ablation compares with: F at x and at x', and what every layer's elements are replaced by.
#include "attribution/ends.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <list>

#include "attribution/evaluator.h"
#include "attribution/non_finite.h"
#include "attribution/sums.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

class EndsMaker {
 public:
  EndsMaker(const Setup& setup, const Request& request)
      : setup_(setup),
        target_(request.target),
        replacement_(request.ablation.replacement),
        one_baseline_(setup.inputs.count > 1 && shares_baseline(setup)),
        evaluator_(setup, request.target, std::min(setup.micro_batch, 2 * setup.inputs.count),
                   {.gradients = false, .optimize = request.optimize, .use_affine_prefix = false}) {
    const auto count = static_cast<std::size_t>(setup.inputs.count);
    ends_.f_input.resize(count);
    ends_.f_baseline.resize(count);
    ends_.targets.resize(count);
    ends_.replacements.resize(setup.layers.size());
    sums_.resize(setup.layers.size());
  }

  Ends run() {
    // x and x' of every example, x first; a micro-batch may end between the two.
    for (std::int64_t n = 0; n < setup_.inputs.count; ++n) {
      paths_.push_back(evaluator_.path(n));
      for (const double alpha : {1.0, 0.0}) {
        points_.push_back({&paths_.back(), alpha});
        if (static_cast<std::int64_t>(points_.size()) == evaluator_.capacity()) flush();
      }
    }
    if (!points_.empty()) flush();
    if (replacement_ != Replacement::kBaseline) {
      for (std::size_t l = 0; l < setup_.layers.size(); ++l) add_shared(l);
    }
    return std::move(ends_);
  }

 private:
  static bool shares_baseline(const Setup& setup) {
    return setup.one_baseline() && std::ranges::all_of(setup.graph->inputs(), [&](graph::ValueId id) {
             return setup.baselines.contains(setup.graph->value(id).name);
           });
  }

  void flush() {
    evaluator_.evaluate(points_);
    for (std::size_t p = 0; p < points_.size(); ++p) {
      const ExamplePath& path = *points_[p].path;
      const auto n = static_cast<std::size_t>(path.example);
      if (points_[p].alpha == 1) {
        ends_.f_input[n] = evaluator_.target(p);
        ends_.targets[n] = *path.target;
        if (replacement_ == Replacement::kMean) add_to_means(p);
      } else {
        ends_.f_baseline[n] = evaluator_.target(p);
        if (replacement_ == Replacement::kBaseline && (n == 0 || !one_baseline_)) keep(p);
      }
    }
    points_.clear();
    while (paths_.size() > 1) paths_.pop_front();
  }

  void keep(std::size_t p) {
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      ends_.replacements[l].push_back(plain_copy(evaluator_.device(), evaluator_.value(l, p)));
      const Array values = engine::to_host(evaluator_.device(), ends_.replacements[l].back().view());
      if (std::isfinite(l1_norm(values.as<double>()))) continue;
      refuse(setup_, target_, {.gradients = false},
             {fmt::format("layer '{}' at the baseline", setup_.layers[l].name), points_[p].path->example, {0}});
    }
  }

  void add_to_means(std::size_t p) {
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      const Array y = engine::to_host(evaluator_.device(), evaluator_.value(l, p));
      sums_[l].resize(static_cast<std::size_t>(y.size()));
      for (std::size_t i = 0; i < sums_[l].size(); ++i) sums_[l][i] += y.at(static_cast<std::int64_t>(i));
    }
  }

  /// Zeros, or the means.
  void add_shared(std::size_t l) {
    kernels::TensorType type = evaluator_.layer_types()[l];
    type.layout = kernels::Layout::plain;
    OwnedTensor shared(type);
    if (replacement_ == Replacement::kMean) {
      for (double& sum : sums_[l]) sum /= static_cast<double>(setup_.inputs.count);
      const Array mean(type.shape, sums_[l]);
      check_finite(fmt::format("the mean of layer '{}'", setup_.layers[l].name), mean);
      engine::from_host(evaluator_.device(), mean, shared.view());
    }
    ends_.replacements[l].push_back(std::move(shared));
  }

  const Setup& setup_;
  const Target& target_;
  Replacement replacement_;
  bool one_baseline_;
  Evaluator evaluator_;
  std::list<ExamplePath> paths_;
  std::vector<PathPoint> points_;
  std::vector<std::vector<double>> sums_;
  Ends ends_;
};

}  // namespace

OwnedTensor plain_copy(kernels::Device& device, const kernels::Tensor& t) {
  kernels::TensorType type = t.type;
  type.layout = kernels::Layout::plain;
  OwnedTensor copy(type);
  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  device.copy(workspace, t, copy.view());
  return copy;
}

Ends run_ends(const Setup& setup, const Request& request) { return EndsMaker(setup, request).run(); }

}  // namespace mho::attribution
