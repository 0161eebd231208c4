// A Plan with a reference: sums of multipliers are exact, one run at the reference serves many, and the gradient rule
// gives gradients.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>

#include "engine/plan.h"
#include "graph/builder.h"
#include "primitives/primitives.h"
#include "runs.h"

namespace mho::engine::testing {
namespace {

std::vector<Values> other_feeds(const std::vector<Values>& feeds, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<Values> others = feeds;
  for (Values& values : others) {
    for (double& v : values) v = static_cast<float>(normal(random));
  }
  return others;
}

/// Writes `feeds` to the run at the reference and runs it.
void run_reference(Plan& plan, kernels::Device& device, const std::vector<Values>& feeds) {
  for (std::size_t i = 0; i < feeds.size(); ++i) write(device, feeds[i], plan.reference_feed(i));
  plan.forward_reference();
}

void run_forward_at(Plan& plan, kernels::Device& device, const std::vector<Values>& feeds) {
  for (std::size_t i = 0; i < feeds.size(); ++i) write(device, feeds[i], plan.feed(i));
  plan.forward();
}

std::shared_ptr<kernels::Device> draw_device() {
  if (*rc::gen::arbitrary<bool>()) return kernels::make_reference_device();
  return kernels::make_cpu_device(1);
}

Question moving(Question q, Rule rule) {
  q.request.moving = q.request.feeds;
  q.request.rule_of = [rule](const graph::Node&) { return rule; };
  return q;
}

RC_GTEST_PROP(MultiplierPlan, InputMultipliersSumToTheDifferenceOfTheTarget, ()) {
  const auto rule = *rc::gen::element(Rule::rescale, Rule::reveal_cancel, Rule::genomics);
  const Question q = moving(draw_question(), rule);
  const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
  Plan plan(q.network.graph, q.request, device);
  // The second input meets the same reference.
  const std::vector<Values> reference = other_feeds(q.feeds, 5);
  run_reference(plan, *device, reference);
  for (const std::vector<Values>& feeds : {q.feeds, other_feeds(q.feeds, 6), reference}) {
    const Outcome outcome = run(plan, q.request, *device, feeds, q.seeds);
    double sum = 0, size = 1e-3;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      for (std::size_t k = 0; k < feeds[i].size(); ++k) {
        const double c = outcome.gradients[i][k] * (feeds[i][k] - reference[i][k]);
        sum += c;
        size += std::abs(c);
      }
    }
    const Values y = outcome.fetches[0], y0 = read(*device, plan.reference_fetch(0));
    for (std::size_t k = 0; k < y.size(); ++k) {
      sum -= q.seeds[0][k] * (y[k] - y0[k]);
      size += std::abs(q.seeds[0][k] * y[k]);
    }
    RC_ASSERT(std::abs(sum) <= 1e-10 * size);
  }
}

RC_GTEST_PROP(MultiplierPlan, GradientRuleGivesGradients, ()) {
  const Question q = draw_question();
  const Question m = moving(q, Rule::gradient);
  const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
  const Outcome expected = run(q.network.graph, q.request, device, {}, q.feeds, q.seeds);
  Plan plan(m.network.graph, m.request, device);
  run_reference(plan, *device, other_feeds(q.feeds, 5));
  RC_ASSERT(difference(expected, run(plan, m.request, *device, q.feeds, q.seeds)) <= 1e-11);
}

RC_GTEST_PROP(MultiplierPlan, BackwardMayRunAgain, ()) {
  const Question q = moving(draw_question(), Rule::reveal_cancel);
  const std::shared_ptr<kernels::Device> device = kernels::make_cpu_device(1);
  Plan plan(q.network.graph, q.request, device, {.repeat_backward = true});
  run_reference(plan, *device, other_feeds(q.feeds, 5));
  const Outcome first = run(plan, q.request, *device, q.feeds, q.seeds);
  for (std::size_t i = 0; i < q.seeds.size(); ++i) write(*device, q.seeds[i], plan.seed(i));
  plan.backward();
  for (std::size_t i = 0; i < q.request.gradients.size(); ++i) {
    RC_ASSERT(read(*device, plan.gradient(i)) == first.gradients[i]);
  }
}

// Every run of a chain of one slot gives what a Plan of its own gives for the same two points.
RC_GTEST_PROP(MultiplierPlan, AChainTakesTheLastRunAsItsReference, ()) {
  const Question q = moving(draw_question(), Rule::rescale);
  PlanRequest request = q.request;
  request.rule_of = {};
  const std::shared_ptr<kernels::Device> device = draw_device();
  Plan chain(q.network.graph, request, device, {.chain = 1});
  std::vector<Values> last = q.feeds;
  run_forward_at(chain, *device, last);
  for (std::uint64_t step = 0; step < 4; ++step) {
    const std::vector<Values> feeds = other_feeds(q.feeds, 30 + step);
    const Outcome chained = run(chain, request, *device, feeds, q.seeds);
    Plan fresh(q.network.graph, request, device);
    run_reference(fresh, *device, last);
    const Outcome expected = run(fresh, request, *device, feeds, q.seeds);
    RC_ASSERT(chained.fetches == expected.fetches);
    RC_ASSERT(chained.gradients == expected.gradients);
    RC_ASSERT(read(*device, chain.reference_fetch(0)) == read(*device, fresh.reference_fetch(0)));
    last = feeds;
  }
}

TEST(MultiplierPlan, RefusesARuleThatDoesNotFit) {
  graph::Builder build;
  const graph::ValueId x = build.input("x", {graph::kReal, {1, 4}});
  const graph::ValueId y = build.apply1(primitives::make_reduce(kernels::ReduceKind::max, {1}), {x});
  const graph::Graph graph = std::move(build).finish();
  PlanRequest request{{x}, {y}, {y}, {x}, {x}, [](const graph::Node&) { return Rule::linear; }};
  try {
    const Plan plan(graph, request, kernels::make_reference_device());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("linear"), std::string::npos);
  }
}

// Its rule needs the input of a ReLU, but there are rules behind layers only.
TEST(MultiplierPlan, ReluIsFusedInFrontOfTheLayersOnly) {
  graph::Builder build;
  const ValueId x = build.input("x", {primitives::kReal, {1, 4}});
  std::vector<ValueId> relus;
  ValueId last = x;
  for (int layer = 0; layer < 3; ++layer) {
    std::vector<double> weights(16);
    for (std::size_t i = 0; i < weights.size(); ++i) {
      weights[i] = std::sin(1.3 * static_cast<double>(i) + static_cast<double>(layer));
    }
    last = build.apply1(primitives::make_matmul(), {last, build.reals({4, 4}, weights)});
    last = build.apply1(primitives::make_unary({kernels::Unary::relu}), {last});
    relus.push_back(last);
  }
  build.mark_output(last);
  const graph::Graph graph = std::move(build).finish();
  PlanRequest request{{x}, {relus[1], last}, {last}, {relus[1]}};
  request.moving = {x};
  const Plan plan(graph, request, kernels::make_reference_device());
  std::vector<std::string> names;
  for (const graph::Node& node : plan.graph().nodes()) names.emplace_back(node.primitive->name());
  EXPECT_EQ(names, (std::vector<std::string>{"matmul", "matmul", "matmul", "relu"}));
}

}  // namespace
}  // namespace mho::engine::testing
