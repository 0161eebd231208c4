// A Plan gives what running the graph node by node gives, however it is optimised, laid out and repeated.
#include "engine/plan.h"

#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/non_finite.h"
#include "graph/builder.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"
#include "runs.h"
#include "support/halves.h"
#include "support/interpreter.h"

namespace mho::engine::testing {
namespace {

using graph::Builder;
using graph::kReal;
using kernels::Binary;
using kernels::Unary;
using mho::testing::Interpreter;
using primitives::make_binary;
using primitives::make_unary;
using Ids = std::vector<ValueId>;

const std::shared_ptr<kernels::Device>& reference() {
  static const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
  return device;
}
const std::shared_ptr<kernels::Device>& cpu() {
  static const std::shared_ptr<kernels::Device> device = kernels::make_cpu_device(1);
  return device;
}

Outcome interpreted(const Question& q) {
  Interpreter run(q.network.graph, mho::testing::feed(q.request.feeds, q.feeds));
  Outcome outcome;
  for (const ValueId id : q.request.fetches) outcome.fetches.push_back(run.value(id));
  outcome.gradients = run.gradients(mho::testing::feed(q.request.seeds, q.seeds), q.request.gradients);
  return outcome;
}
Outcome planned(const Question& q, const std::shared_ptr<kernels::Device>& device, const PlanOptions& options = {}) {
  return run(q.network.graph, q.request, device, options, q.feeds, q.seeds);
}
/// Float results to about 1e-5, except where rounding moves a value across a kink.
void assert_close(const Question& q, const Outcome& expected, const Outcome& actual, double tolerance) {
  const double d = difference(expected, actual);
  if (d <= tolerance) return;
  if (near_kink(q.network.graph, q.request, q.feeds, q.seeds)) RC_DISCARD("near a kink");
  RC_FAIL("differs by " + std::to_string(d) + "\n" + q.network.graph.dump());
}

RC_GTEST_PROP(Plan, EqualsTheGraphRunNodeByNode, ()) {
  const Question q = draw_question();
  RC_ASSERT(difference(interpreted(q), planned(q, reference(), {.optimize = false})) == 0);
}

RC_GTEST_PROP(Plan, OptimisationChangesNothingOnTheReference, ()) {
  const Question q = draw_question(true);
  RC_ASSERT(difference(interpreted(q), planned(q, reference())) == 0);
}

RC_GTEST_PROP(Plan, FoldingChangesTheRoundingOnly, ()) {
  const Question q = draw_question();
  RC_ASSERT(difference(interpreted(q), planned(q, reference())) <= 1e-11);
}

RC_GTEST_PROP(Plan, OptimisationChangesTheRoundingOnlyOnTheCpu, ()) {
  const Question q = draw_question();
  const Outcome expected = interpreted(q);
  assert_close(q, expected, planned(q, cpu(), {.optimize = false}), 1e-5);
  assert_close(q, expected, planned(q, cpu()), 1e-5);
}

RC_GTEST_PROP(Plan, AnyPassesMayBeDisabled, ()) {
  const Question q = draw_question();
  PlanOptions options;
  std::vector<std::string> names{"choose_layouts"};
  for (const graph::Pass& pass : graph::all_passes()) names.emplace_back(pass.name);
  for (const std::string& name : names) {
    if (*rc::gen::inRange(0, 2) == 0) options.disabled_passes.push_back(name);
  }
  assert_close(q, interpreted(q), planned(q, cpu(), options), 1e-5);
}

// Gradients against central differences of the target itself.
RC_GTEST_PROP(Plan, GradientsEqualDifferences, ()) {
  Question q = draw_question();
  q.request.gradients = q.network.inputs;
  const Outcome outcome = planned(q, reference());
  const auto target = [&](std::size_t input, std::size_t element, double h) {
    std::vector<Values> moved = q.feeds;
    moved[input][element] += h;
    const Values y = Interpreter(q.network.graph, mho::testing::feed(q.request.feeds, moved)).value(q.network.output);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * q.seeds[0][i];
    return sum;
  };
  constexpr double kStep = 1e-5;
  for (std::size_t i = 0; i < q.feeds.size(); ++i) {
    const double scale = std::max(mho::testing::largest(outcome.gradients[i]), 1e-2);
    for (int trial = 0; trial < 4; ++trial) {
      const std::size_t k = *rc::gen::inRange<std::size_t>(0, q.feeds[i].size());
      const auto central = [&](double h) { return (target(i, k, h) - target(i, k, -h)) / (2 * h); };
      const double wide = central(kStep);
      if (std::abs(wide - outcome.gradients[i][k]) <= 1e-6 * scale) continue;
      // A kink between x - h and x + h: the two differences disagree, or those to both sides do.
      const double here = target(i, k, 0);
      const double jump = (target(i, k, kStep) - 2 * here + target(i, k, -kStep)) / kStep;
      const double half = (target(i, k, kStep / 2) - 2 * here + target(i, k, -kStep / 2)) / (kStep / 2);
      const bool kink = std::abs(wide - central(kStep / 2)) > 1e-7 * scale || std::abs(jump - 2 * half) > 1e-7 * scale;
      if (!kink) {
        RC_FAIL("gradient " + std::to_string(outcome.gradients[i][k]) + ", by differences " + std::to_string(wide) +
                "\n" + q.network.graph.dump());
      }
    }
  }
}

RC_GTEST_PROP(Plan, FeedsInTheMiddleCutTheGraph, ()) {
  Question q = draw_question();
  const Outcome whole = interpreted(q);
  const ValueId layer = *rc::gen::elementOf(q.network.layers);
  const Interpreter inside(q.network.graph, mho::testing::feed(q.network.inputs, q.feeds));
  q.request.feeds.push_back(layer);
  q.feeds.push_back(inside.value(layer));
  q.request.fetches = {q.network.output, layer};
  q.request.gradients = {layer};
  const Outcome cut = planned(q, reference(), {.optimize = false});
  RC_ASSERT(cut.fetches[0] == inside.value(q.network.output));
  RC_ASSERT(cut.fetches[1] == q.feeds.back());
  Interpreter again(q.network.graph, mho::testing::feed(q.network.inputs, {q.feeds.begin(), q.feeds.end() - 1}));
  const auto gradient = again.gradients(mho::testing::feed(q.request.seeds, q.seeds), {layer});
  RC_ASSERT(cut.gradients[0] == gradient[0]);
  // Another value of the layer gives another output, or what comes before would still matter.
  for (double& v : q.feeds.back()) v = 0;
  auto fed = mho::testing::feed(q.request.feeds, q.feeds);
  RC_ASSERT(planned(q, reference(), {.optimize = false}).fetches[0] ==
            Interpreter(q.network.graph, fed).value(q.network.output));
}

RC_GTEST_PROP(Plan, RunsAgainGiveTheSameAgain, ()) {
  const Question q = draw_question();
  Plan plan(q.network.graph, q.request, cpu());
  const Outcome first = run(plan, q.request, *cpu(), q.feeds, q.seeds);
  const std::size_t bytes = plan.arena_bytes();
  std::vector<Values> other = random_inputs(q.network, 99);
  static_cast<void>(run(plan, q.request, *cpu(), other, q.seeds));
  plan.forward();
  RC_ASSERT(difference(first, run(plan, q.request, *cpu(), q.feeds, q.seeds)) == 0);
  RC_ASSERT(plan.arena_bytes() == bytes);
}

RC_GTEST_PROP(Plan, BackwardMayBeRepeatedWhereAskedFor, ()) {
  const Question q = draw_question();
  Plan plan(q.network.graph, q.request, cpu(), {.repeat_backward = true});
  const Outcome first = run(plan, q.request, *cpu(), q.feeds, q.seeds);
  Values other(q.seeds[0].size(), 1.0);
  write(*cpu(), other, plan.seed(0));
  plan.backward();
  write(*cpu(), q.seeds[0], plan.seed(0));
  plan.backward();
  for (std::size_t i = 0; i < first.gradients.size(); ++i) {
    RC_ASSERT(first.gradients[i] == read(*cpu(), plan.gradient(i)));
  }
}

RC_GTEST_PROP(Plan, ThreadsChangeTheRoundingOnly, ()) {
  static const std::shared_ptr<kernels::Device> two = kernels::make_cpu_device(2);
  const Question q = draw_question();
  assert_close(q, planned(q, cpu()), planned(q, two), 1e-5);
}

// The same network for one example: chunk b of the batch is example b alone.
RC_GTEST_PROP(Plan, ExamplesOfABatchDoNotSeeEachOther, ()) {
  mho::testing::RandomGraphOptions options;
  options.images = *rc::gen::inRange(0, 4) > 0;
  options.layers = *rc::gen::inRange(1, 8);
  options.batch = 3;
  const auto seed = static_cast<std::uint64_t>(*rc::gen::inRange(0, 1 << 30));
  const mho::testing::RandomGraph several = random_graph(seed, options);
  options.batch = 1;
  const mho::testing::RandomGraph one = random_graph(seed, options);
  const std::vector<Values> inputs = random_inputs(several, seed);
  const auto request = [](const mho::testing::RandomGraph& network) {
    PlanRequest r{network.inputs, network.layers, {network.output}, network.layers};
    r.gradients.insert(r.gradients.end(), network.inputs.begin(), network.inputs.end());
    return r;
  };
  const auto chunk = [](const Values& values, std::size_t b) {
    const auto size = static_cast<std::ptrdiff_t>(values.size() / 3);
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(b) * size;
    return Values(begin, begin + size);
  };
  const Values cotangent(static_cast<std::size_t>(several.graph.value(several.output).type.elements()), 1);
  const Outcome whole = run(several.graph, request(several), reference(), {}, inputs, {cotangent});
  Plan single(one.graph, request(one), reference());
  for (std::size_t b = 0; b < 3; ++b) {
    std::vector<Values> own;
    for (const Values& values : inputs) own.push_back(chunk(values, b));
    const Outcome alone = run(single, request(one), *reference(), own, {chunk(cotangent, b)});
    Outcome part;
    for (const Values& values : whole.fetches) part.fetches.push_back(chunk(values, b));
    for (const Values& values : whole.gradients) part.gradients.push_back(chunk(values, b));
    RC_ASSERT(difference(alone, part) <= 1e-12);
  }
}

RC_GTEST_PROP(Plan, SeveralSeedsAddUp, ()) {
  Question q = draw_question();
  for (const ValueId id : q.network.layers) {
    if (*rc::gen::inRange(0, 2) == 0 || id == q.network.output) continue;
    q.request.seeds.push_back(id);
    q.seeds.emplace_back(static_cast<std::size_t>(q.network.graph.value(id).type.elements()), 0.5);
  }
  RC_ASSERT(difference(interpreted(q), planned(q, reference())) <= 1e-11);
  assert_close(q, interpreted(q), planned(q, cpu()), 1e-5);
}

/// y = f(x) + f(x) * x with one exponential read twice.
TEST(Plan, GradientsOfAValueReadTwiceAccumulate) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {3}});
  const ValueId e = build.apply1(make_unary({Unary::exp}), {x});
  const ValueId product = build.apply1(make_binary(Binary::mul), {e, x});
  const ValueId y = build.apply1(make_binary(Binary::add), {e, product});
  const graph::Graph graph = std::move(build).finish();
  const Values xs{-1, 0, 0.5};
  for (const auto& device : {reference(), cpu()}) {
    const Outcome o = run(graph, {{x}, {y}, {y}, {x, e}}, device, {}, {xs}, {{1, 2, 3}});
    for (std::size_t i = 0; i < 3; ++i) {
      const double seed = static_cast<double>(i) + 1;
      EXPECT_NEAR(o.gradients[1][i], seed * (1 + xs[i]), 1e-6);
      EXPECT_NEAR(o.gradients[0][i], seed * std::exp(xs[i]) * (2 + xs[i]), 1e-5);
    }
  }
}

TEST(Plan, TheSameValueTwiceAsOperandAddsUp) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  const ValueId sum = build.apply1(make_binary(Binary::add), {x, x});
  const ValueId y = build.apply1(make_binary(Binary::mul), {sum, sum});
  const graph::Graph graph = std::move(build).finish();
  const Outcome o = run(graph, {{x}, {y}, {y}, {x, sum, y}}, reference(), {}, {{3, -1}}, {{1, 1}});
  EXPECT_EQ(o.fetches[0], (Values{36, 4}));
  EXPECT_EQ(o.gradients[0], (Values{24, -8}));
  EXPECT_EQ(o.gradients[1], (Values{12, -4}));
  EXPECT_EQ(o.gradients[2], (Values{1, 1}));
}

TEST(Plan, GradientsThatNothingDependsOnAreZero) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  const ValueId z = build.input("z", {kReal, {3}});
  const ValueId y = build.apply1(make_unary({Unary::exp}), {x});
  const ValueId floor = build.apply1(primitives::make_cast(DType::i64), {z});
  const graph::Graph graph = std::move(build).finish();
  const Outcome o = run(graph, {{x, z}, {y, floor}, {y}, {x, z}}, reference(), {}, {{0, 0}, {1, 2, 3}}, {{1, 2}});
  EXPECT_EQ(o.gradients[0], (Values{1, 2}));
  EXPECT_EQ(o.gradients[1], (Values{0, 0, 0}));
  EXPECT_EQ(o.fetches[1], (Values{1, 2, 3}));
}

TEST(Plan, CotangentsOfUnusedOutputsAreZero) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {4}});
  const Ids halves = build.apply(std::make_shared<mho::testing::Halves>(), {x});
  const ValueId y = build.apply1(make_unary({Unary::exp}), {halves[1]});
  const graph::Graph graph = std::move(build).finish();
  const PlanRequest request{{x}, {y}, {y}, {x}};
  Plan plan(graph, request, reference());
  for (int trial = 0; trial < 2; ++trial) {
    const Outcome o = run(plan, request, *reference(), {{5, 6, 0, 0}}, {{2, 3}});
    EXPECT_EQ(o.gradients[0], (Values{0, 0, 2, 3}));
  }
}

TEST(Plan, AFedConstantIsReplaced) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  const ValueId c = build.reals({2}, {10, 20});
  const ValueId y = build.apply1(make_binary(Binary::mul), {x, c});
  const graph::Graph graph = std::move(build).finish();
  EXPECT_EQ(run(graph, {{x}, {y, c}, {}, {}}, reference(), {}, {{1, 2}}, {}).fetches,
            (std::vector<Values>{{10, 40}, {10, 20}}));
  EXPECT_EQ(run(graph, {{x, c}, {y}, {}, {}}, reference(), {}, {{1, 2}, {5, 6}}, {}).fetches[0], (Values{5, 12}));
}

TEST(Plan, WhatIsNotFedIsNamed) {
  Builder build;
  const ValueId x = build.input("image", {kReal, {2}});
  const ValueId z = build.input("mask", {kReal, {2}});
  const ValueId y = build.apply1(make_binary(Binary::mul), {x, z});
  const graph::Graph graph = std::move(build).finish();
  for (const PlanRequest& request :
       {PlanRequest{{x}, {y}, {}, {}}, PlanRequest{{x}, {z}, {}, {}}, PlanRequest{{x}, {}, {z}, {x}}}) {
    try {
      const Plan plan(graph, request, reference());
      FAIL() << "mask is not fed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal);
      EXPECT_NE(std::string(error.what()).find("'mask'"), std::string::npos) << error.what();
    }
  }
}

TEST(Plan, UnknownPassesAreRefused) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  const ValueId y = build.apply1(make_unary({Unary::exp}), {x});
  const graph::Graph graph = std::move(build).finish();
  EXPECT_THROW(Plan(graph, {{x}, {y}, {}, {}}, reference(), {.disabled_passes = {"fold"}}), Error);
}

TEST(Plan, TheFirstTensorThatIsNotFiniteIsNamed) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2}});
  build.set_origin("the_log", "Log");
  const ValueId log = build.apply1(make_unary({Unary::log}), {x});
  const ValueId tenfold = build.apply1(make_unary({Unary::affine, 10, 0}), {log});
  build.set_name(tenfold, "tenfold");
  const ValueId y = build.apply1(make_unary({Unary::exp}), {tenfold});
  const graph::Graph graph = std::move(build).finish();
  for (const auto& device : {reference(), cpu()}) {
    Plan plan(graph, {{x}, {y}, {}, {}}, device);
    const auto first = [&](const Values& values) {
      write(*device, values, plan.feed(0));
      return non_finite_forward(plan);
    };
    EXPECT_FALSE(first({1, 2}).any());
    EXPECT_EQ(first({1, NAN}).nan, "tensor 'x', which is fed");
    EXPECT_EQ(first({1, -1}).nan, "a tensor of Log node 'the_log'");
    EXPECT_EQ(first({0, 1}).nan, "");
    EXPECT_EQ(first({0, 1}).infinity, "a tensor of Log node 'the_log'");
  }
}

TEST(Plan, MemoryOfDeadValuesIsUsedAgain) {
  Builder build;
  ValueId x = build.input("x", {kReal, {1000}});
  const ValueId first = x;
  for (int i = 0; i < 20; ++i) x = build.apply1(make_unary({Unary::tanh}), {x});
  const graph::Graph graph = std::move(build).finish();
  const std::size_t one = 1024 * sizeof(double);
  EXPECT_LE(Plan(graph, {{first}, {x}, {}, {}}, reference()).arena_bytes(), 3 * one);
  EXPECT_GE(Plan(graph, {{first}, {x}, {x}, {first}}, reference()).arena_bytes(), 20 * 1000 * sizeof(double))
      << "tanh reads its output on the way back";
}

TEST(Plan, CountsOperationsOfWhatRuns) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3}});
  const ValueId w = build.reals({3, 4}, Values(12, 1));
  const ValueId y = build.apply1(primitives::make_matmul(), {x, w});
  const graph::Graph graph = std::move(build).finish();
  const Plan plan(graph, {{x}, {y}, {y}, {x}}, reference());
  EXPECT_EQ(plan.forward_flops(), 2.0 * 2 * 3 * 4);
  EXPECT_EQ(plan.backward_flops(), 2.0 * 2 * 3 * 4);
}

}  // namespace
}  // namespace mho::engine::testing
