// A recognised function is what it is composed of: values, gradients, and multipliers, in which the sums are complete.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/plan.h"
#include "runs.h"
#include "support/written_out.h"

namespace mho::engine::testing {
namespace {

using mho::testing::Ids;
using mho::testing::Writer;
using mho::testing::WrittenOut;

const std::vector<std::string> kUnfused = {"fuse_gelu", "fuse_normalization", "fuse_softmax", "fuse_attention"};

class Subject {
 public:
  Subject(const std::vector<Shape>& inputs, const std::function<ValueId(graph::Builder&, const Ids&)>& write) {
    graph::Builder build;
    for (const Shape& shape : inputs) request.feeds.push_back(build.input("in", {graph::kReal, shape}));
    // Something before and behind, as in a network.
    Ids scaled;
    for (const ValueId id : request.feeds) {
      scaled.push_back(build.apply1(primitives::make_unary({kernels::Unary::softplus}), {id}));
    }
    const ValueId y = build.apply1(primitives::make_unary({kernels::Unary::sin}), {write(build, scaled)});
    build.mark_output(y);
    request.fetches = request.seeds = {y};
    request.gradients = request.feeds;
    graph = std::move(build).finish();
    std::mt19937_64 random(7);
    std::normal_distribution<double> normal;
    const auto draw = [&](const Shape& shape) {
      Values values(static_cast<std::size_t>(element_count(shape)));
      for (double& v : values) v = static_cast<float>(normal(random));
      return values;
    };
    for (const Shape& shape : inputs) feeds.push_back(draw(shape));
    for (const Shape& shape : inputs) reference.push_back(draw(shape));
    seeds = {draw(graph.value(y).type.shape)};
  }

  [[nodiscard]] Outcome gradients(const std::shared_ptr<kernels::Device>& device, bool fused) const {
    return run(graph, request, device, {.disabled_passes = fused ? std::vector<std::string>{} : kUnfused}, feeds,
               seeds);
  }
  [[nodiscard]] Outcome multipliers(const std::shared_ptr<kernels::Device>& device, bool fused,
                                    const RuleOf& rule = {}) const {
    PlanRequest moving = request;
    moving.moving = request.feeds;
    moving.rule_of = rule;
    Plan plan(graph, moving, device, {.disabled_passes = fused ? std::vector<std::string>{} : kUnfused});
    for (std::size_t i = 0; i < reference.size(); ++i) write(*device, reference[i], plan.reference_feed(i));
    plan.forward_reference();
    Outcome outcome = run(plan, moving, *device, feeds, seeds);
    outcome.fetches.push_back(read(*device, plan.reference_fetch(0)));
    return outcome;
  }
  /// Sum over inputs of multipliers times differences, less the same of the output, relative to its terms.
  [[nodiscard]] double residual(const Outcome& outcome) const {
    double sum = 0, size = 1e-3;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      for (std::size_t k = 0; k < feeds[i].size(); ++k) {
        const double term = outcome.gradients[i][k] * (feeds[i][k] - reference[i][k]);
        sum += term;
        size += std::abs(term);
      }
    }
    for (std::size_t k = 0; k < seeds[0].size(); ++k) {
      sum -= seeds[0][k] * (outcome.fetches[0][k] - outcome.fetches[1][k]);
    }
    return std::abs(sum) / size;
  }

  graph::Graph graph;
  PlanRequest request;
  std::vector<Values> feeds, reference, seeds;
};

std::shared_ptr<kernels::Device> device_of(bool cpu) {
  return cpu ? kernels::make_cpu_device(2) : kernels::make_reference_device();
}

TEST(FusedFunctions, EqualWhatTheyAreComposedOf) {
  for (const WrittenOut& function : mho::testing::written_out_functions()) {
    const Subject subject(function.inputs, function.build);
    for (const bool cpu : {false, true}) {
      const double tolerance = cpu ? 2e-5 : 1e-11;
      const auto device = device_of(cpu);
      EXPECT_LE(difference(subject.gradients(device, false), subject.gradients(device, true)), tolerance)
          << function.name << " on " << device->name();
      const Outcome fused = subject.multipliers(device, true);
      EXPECT_LE(subject.residual(fused), cpu ? 1e-5 : 1e-12) << function.name << " on " << device->name();
      if (!function.same_multipliers) continue;
      EXPECT_LE(difference(subject.multipliers(device, false), fused), cpu ? 5e-5 : tolerance)
          << function.name << " on " << device->name();
    }
  }
}

// The rule for a softmax is that of exp(x - log(sum(exp(x)))), however the model writes it: a maximum that is
// subtracted changes nothing, and has no part in the prediction.
TEST(FusedFunctions, AWrittenOutSoftmaxHasTheRuleOfSoftmax) {
  using kernels::Binary;
  using kernels::ReduceKind;
  using kernels::Unary;
  const Shape shape{2, 3, 4};
  const std::shared_ptr<kernels::Device> shared = kernels::make_reference_device();
  for (const std::int64_t axis : {1, 2}) {
    const Subject composed({shape}, [&](graph::Builder& build, const Ids& in) {
      Writer w(build);
      const ValueId total = w.unary(Unary::log, w.reduce(ReduceKind::sum, w.unary(Unary::exp, in[0]), {axis}));
      return w.unary(Unary::exp, w.sub(in[0], total));
    });
    const Subject written({shape}, [&](graph::Builder& build, const Ids& in) {
      Writer w(build);
      const ValueId e = w.unary(Unary::exp, w.sub(in[0], w.reduce(ReduceKind::max, in[0], {axis})));
      return w.div(e, w.reduce(ReduceKind::sum, e, {axis}));
    });
    EXPECT_LE(difference(composed.multipliers(shared, false), written.multipliers(shared, true)), 1e-11);
  }
}

TEST(FusedFunctions, ARuleForAPartKeepsItApart) {
  const auto functions = mho::testing::written_out_functions();
  const Subject subject(functions[0].inputs, functions[0].build);
  const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
  const RuleOf rule = [](const graph::Node& node) {
    return node.primitive->name() == "erf" ? Rule::gradient : Rule::rescale;
  };
  const Outcome expected = subject.multipliers(device, false, rule);
  EXPECT_LE(difference(expected, subject.multipliers(device, true, rule)), 1e-12);
  EXPECT_GT(difference(expected, subject.multipliers(device, true)), 1e-3);
}

}  // namespace
}  // namespace mho::engine::testing
