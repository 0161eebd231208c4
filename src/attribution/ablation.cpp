// Ablation: F(x) - F(x with one unit of a layer replaced and everything behind it run again), unit by unit. The paper
// of NIG ranks measures by how well they predict it (arXiv 1807.09946, section on ablation).
#include <algorithm>

#include "attribution/intervention.h"
#include "attribution/measures.h"

namespace mho::attribution {

namespace {

/// One layer: collects edits of one example after the other into micro-batches.
class LayerAblation {
 public:
  LayerAblation(const Setup& setup, const Request& request, const Ends& ends, std::size_t layer, Result& result,
                ProgressReport& progress)
      : setup_(setup),
        result_(result),
        layer_(layer),
        progress_(progress),
        units_(setup.layers[layer].name, setup.graph->value(setup.graph->find(setup.layers[layer].name)).type.shape,
               request.ablation),
        runs_(setup, ends, layer, units_, setup.inputs.count * (units_.count() + 1), request.optimize) {
    for (std::int64_t u = 0; u < units_.count(); ++u) all_.push_back(u);
  }

  void run() {
    result_.micro_batch = runs_.capacity();
    const std::int64_t count = setup_.inputs.count;
    f_.resize(static_cast<std::size_t>(count));
    for (std::int64_t n = 0; n < count; ++n) {
      add({n, {}}, kUntouched);
      for (std::int64_t u = 0; u < units_.count(); ++u) {
        // Exactly 0, and no run.
        if (!runs_.is_unchanged(n, u)) add({n, std::span(all_).subspan(static_cast<std::size_t>(u), 1)}, u);
      }
    }
    flush();
  }

 private:
  static constexpr std::int64_t kUntouched = -1;

  void add(const Intervention::Edit& edit, std::int64_t unit) {
    edits_.push_back(edit);
    of_.push_back(unit);
    if (static_cast<std::int64_t>(edits_.size()) == runs_.capacity()) flush();
  }

  void flush() {
    if (edits_.empty()) return;
    const std::vector<double> f = runs_.evaluate(edits_);
    for (std::size_t i = 0; i < f.size(); ++i) {
      const auto n = static_cast<std::size_t>(edits_[i].example);
      ++result_.evaluations[n];
      if (of_[i] == kUntouched) {
        f_[n] = f[i];
      } else {
        const auto out = values_of(result_.layers[layer_], edits_[i].example, setup_.inputs.count);
        out[static_cast<std::size_t>(of_[i])] = f_[n] - f[i];
      }
    }
    const bool last = layer_ + 1 == setup_.layers.size();
    progress_.report(last ? edits_.back().example : 0, static_cast<std::int64_t>(f.size()));
    edits_.clear();
    of_.clear();
  }

  const Setup& setup_;
  Result& result_;
  std::size_t layer_;
  ProgressReport& progress_;
  Units units_;
  Intervention runs_;
  std::vector<std::int64_t> all_;
  std::vector<double> f_;  ///< at x, from the same Plan: rounding is the same
  std::vector<Intervention::Edit> edits_;
  std::vector<std::int64_t> of_;  ///< per edit
};

}  // namespace

void ablation(const Setup& setup, const Request& request, Result& result) {
  const Ends ends = run_ends(setup, request);
  result.f_input = ends.f_input;
  result.f_baseline = ends.f_baseline;
  for (std::size_t n = 0; n < ends.targets.size(); ++n) {
    result.target[n] = ends.targets[n].index;
    result.evaluations[n] = 2;
  }
  ProgressReport progress(request, setup.inputs.count);
  for (std::size_t l = 0; l < setup.layers.size(); ++l) LayerAblation(setup, request, ends, l, result, progress).run();
}

}  // namespace mho::attribution
