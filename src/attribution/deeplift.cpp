// DeepLIFT: contributions m (y - y') of every neuron of every layer, from two forward runs and one backward run.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <list>

#include "attribution/evaluator.h"
#include "attribution/measures.h"
#include "attribution/non_finite.h"
#include "attribution/rules.h"
#include "attribution/sums.h"
#include "engine/slots.h"

namespace mho::attribution {

namespace {

/// Whether all examples are compared with the same values, so that one run at the reference serves them all.
bool shares_reference(const Setup& setup) {
  if (setup.own_references) return false;
  return std::ranges::all_of(setup.graph->inputs(), [&](graph::ValueId id) {
    const std::string& name = setup.graph->value(id).name;
    const auto it = setup.baselines.find(name);
    if (it == setup.baselines.end()) return setup.inputs.count == 1;  // this input stays as it is, example by example
    return setup.references > 1 || setup.inputs.count == 1 ||
           it->second.size() == element_count(setup.inputs.shapes.shapes.at(name));
  });
}

class DeepLift {
 public:
  DeepLift(const Setup& setup, const Request& request, Result& result)
      : setup_(setup),
        request_(request),
        result_(result),
        evaluator_(setup, request.target, std::min(setup.micro_batch, setup.inputs.count),
                   {.gradients = true,
                    .optimize = request.optimize,
                    .use_affine_prefix = false,
                    .multipliers = true,
                    .rule_of = make_rules(*setup.graph, setup.facts, request.rules)}),
        progress_(request, setup.inputs.count) {
    result.micro_batch = evaluator_.capacity();
  }

  void run() {
    const bool shared = shares_reference(setup_);
    for (std::int64_t reference = 0; reference < setup_.references; ++reference) {
      for (std::int64_t first = 0; first < setup_.inputs.count; first += evaluator_.capacity()) {
        reference_ = reference;
        feed(first);
        if (first == 0 || !shared) evaluator_.evaluate_reference(at_reference_);
        evaluator_.evaluate(at_input_);
        for (std::size_t slot = 0; slot < at_input_.size(); ++slot) add(slot);
        const bool last = reference + 1 == setup_.references;
        progress_.report(last ? first + static_cast<std::int64_t>(at_input_.size()) : 0,
                         static_cast<std::int64_t>(at_input_.size()));
      }
    }
  }

 private:
  void feed(std::int64_t first) {
    paths_.clear();
    at_input_.clear();
    at_reference_.clear();
    const std::int64_t end = std::min(first + evaluator_.capacity(), setup_.inputs.count);
    for (std::int64_t n = first; n < end; ++n) {
      paths_.push_back(evaluator_.path(n, setup_.reference_of(n, reference_)));
      at_input_.push_back({&paths_.back(), 1});
      at_reference_.push_back({&paths_.back(), 0});
    }
  }

  void add(std::size_t slot) {
    setup_.ask();
    const std::int64_t n = at_input_[slot].path->example;
    const auto e = static_cast<std::size_t>(n);
    const double weight = 1 / static_cast<double>(setup_.references);
    result_.f_input[e] = evaluator_.target(slot);
    result_.f_baseline[e] += weight * evaluator_.reference_target(slot);
    result_.target[e] = at_input_[slot].path->target->index;
    result_.evaluations[e] += 2;
    kernels::Device& device = evaluator_.device();
    for (std::size_t l = 0; l < setup_.layers.size(); ++l) {
      kernels::TensorType type = evaluator_.layer_types()[l];
      type.dtype = DType::f64;
      const OwnedTensor sum(std::move(type));
      const Tensor m = evaluator_.gradient(l, slot);
      if (request_.multipliers) {
        device.accumulate(weight, m, sum.view());
      } else {
        device.accumulate_path(weight, m, 0, {}, evaluator_.reference_value(l, slot), evaluator_.value(l, slot),
                               sum.view());
      }
      const auto out = values_of(result_.layers[l], n, setup_.inputs.count);
      values_.resize(out.size());
      engine::to_host(device, sum.view(), values_);
      if (!std::isfinite(l1_norm(values_))) refuse(l, slot);
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += values_[i];
    }
  }

  [[noreturn]] void refuse(std::size_t layer, std::size_t slot) const {
    const std::int64_t n = at_input_[slot].path->example;
    attribution::refuse(
        setup_, request_.target,
        {.multipliers = true, .rule_of = make_rules(*setup_.graph, setup_.facts, request_.rules)},
        {fmt::format("layer '{}'", setup_.layers[layer].name), n, {0, 1}, setup_.reference_of(n, reference_)});
  }

  const Setup& setup_;
  const Request& request_;
  Result& result_;
  Evaluator evaluator_;
  ProgressReport progress_;
  std::int64_t reference_ = 0;  ///< the number of the one under way
  std::list<ExamplePath> paths_;
  std::vector<double> values_;  ///< of one layer and example
  std::vector<PathPoint> at_input_, at_reference_;
};

}  // namespace

void deeplift(const Setup& setup, const Request& request, Result& result) { DeepLift(setup, request, result).run(); }

}  // namespace mho::attribution
