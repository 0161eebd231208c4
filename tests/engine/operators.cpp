// Every operator, over random shapes: its gradient is that of finite differences, its DeepLIFT multipliers sum to the
// difference of its outputs, and both devices agree.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "onnx/model.h"
#include "runs.h"
#include "support/operator_cases.h"

namespace mho::engine::testing {
namespace {

using mho::testing::OperatorCase;

constexpr unsigned kRounds = 6;
/// Draws of inputs per case: one near a kink is drawn again.
constexpr int kDraws = 12;

double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// A lowered case and values for it.
class LoweredCase {
 public:
  LoweredCase(const OperatorCase& one, unsigned seed) : case_(one), random_(seed), graph_(lower(one)) {
    for (const ValueId id : graph_.inputs()) {
      request.feeds.push_back(id);
      if (graph_.value(id).type.is_real()) request.gradients.push_back(id);
    }
    for (const ValueId id : graph_.outputs()) {
      const bool depends = !graph_.is_constant(id);
      if (!depends || std::ranges::find(request.fetches, id) != request.fetches.end()) continue;
      request.fetches.push_back(id);
      if (graph_.value(id).type.is_real()) request.seeds.push_back(id);
    }
    for (const ValueId id : request.seeds) seeds.push_back(normal(id));
  }

  [[nodiscard]] const graph::Graph& graph() const { return graph_; }
  /// Whether there is anything to differentiate.
  [[nodiscard]] bool has_gradient() const { return !request.seeds.empty() && !request.gradients.empty(); }

  [[nodiscard]] std::vector<Values> draw() {
    std::vector<Values> feeds;
    for (const ValueId id : request.feeds) {
      const graph::Value& value = graph_.value(id);
      const auto given = case_.values.find(value.name);
      if (given != case_.values.end()) {
        const Array array = given->second.to(DType::f64);
        feeds.emplace_back(array.as<double>().begin(), array.as<double>().end());
        continue;
      }
      const auto range = case_.ranges.find(value.name);
      const mho::testing::Range r = range == case_.ranges.end() ? mho::testing::Range{} : range->second;
      std::uniform_real_distribution<double> uniform(r.low, r.high);
      Values& values = feeds.emplace_back(static_cast<std::size_t>(value.type.elements()));
      for (double& v : values) v = value.type.is_real() ? static_cast<float>(uniform(random_)) : random_() % 2 == 0;
    }
    return feeds;
  }
  /// A direction in the space of the real feeds; zero for others.
  [[nodiscard]] std::vector<Values> direction() {
    std::vector<Values> directions;
    for (const ValueId id : request.feeds) {
      directions.push_back(normal(id));
      if (!graph_.value(id).type.is_real()) std::ranges::fill(directions.back(), 0);
    }
    return directions;
  }

  PlanRequest request;
  std::vector<Values> seeds;

 private:
  static graph::Graph lower(const OperatorCase& one) {
    const std::string bytes = one.model.serialized();
    return onnx::Model::parse(std::as_bytes(std::span(bytes))).specialize({});
  }
  Values normal(ValueId id) {
    std::normal_distribution<double> distribution;
    Values values(static_cast<std::size_t>(graph_.value(id).type.elements()));
    for (double& v : values) v = static_cast<float>(distribution(random_));
    return values;
  }

  const OperatorCase& case_;
  std::mt19937 random_;
  graph::Graph graph_;
};

std::vector<Values> moved(std::vector<Values> feeds, const std::vector<Values>& direction, double step) {
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    for (std::size_t k = 0; k < feeds[i].size(); ++k) feeds[i][k] += step * direction[i][k];
  }
  return feeds;
}

/// Calls check(case, subject) for all cases of some rounds.
template <class Check>
void for_all_cases(Check check) {
  for (unsigned round = 1; round <= kRounds; ++round) {
    for (const OperatorCase& one : mho::testing::operator_cases(round)) {
      SCOPED_TRACE(fmt::format("{}, round {}", one.name, round));
      try {
        LoweredCase subject(one, round);
        if (!subject.request.fetches.empty() && !subject.request.feeds.empty()) check(one, subject);
      } catch (const Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
  }
}

/// sum of seeds * outputs as a function of the feeds.
class Objective {
 public:
  Objective(const LoweredCase& subject, Plan& plan, kernels::Device& device)
      : subject_(subject), plan_(plan), device_(device) {}
  double operator()(const std::vector<Values>& feeds) {
    for (std::size_t i = 0; i < feeds.size(); ++i) write(device_, feeds[i], plan_.feed(i));
    plan_.forward();
    double sum = 0;
    std::size_t seed = 0;
    for (std::size_t i = 0; i < subject_.request.fetches.size(); ++i) {
      if (!subject_.graph().value(subject_.request.fetches[i]).type.is_real()) continue;
      sum += dot(read(device_, plan_.fetch(i)), subject_.seeds[seed++]);
    }
    return sum;
  }

 private:
  const LoweredCase& subject_;
  Plan& plan_;
  kernels::Device& device_;
};

// Fourth-order central differences at two widths: where they disagree, a kink or a pole is near.
TEST(Operators, GradientsAreThoseOfFiniteDifferences) {
  for_all_cases([](const OperatorCase& one, LoweredCase& subject) {
    if (!subject.has_gradient() || one.straight_through) return;
    const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
    Plan plan(subject.graph(), subject.request, device);
    Objective objective(subject, plan, *device);
    int smooth = 0;
    for (int draw = 0; draw < kDraws && smooth < 2; ++draw) {
      const std::vector<Values> feeds = subject.draw();
      const std::vector<Values> direction = subject.direction();
      const auto slope = [&](double h) {
        const auto central = [&](double s) {
          return (objective(moved(feeds, direction, s)) - objective(moved(feeds, direction, -s))) / (2 * s);
        };
        return (4 * central(h) - central(2 * h)) / 3;
      };
      const double wide = slope(2e-4), expected = slope(1e-4);
      const Outcome outcome = run(plan, subject.request, *device, feeds, subject.seeds);
      double gradient = 0, size = 0;
      std::size_t next = 0;
      for (std::size_t i = 0; i < feeds.size(); ++i) {
        if (!subject.graph().value(subject.request.feeds[i]).type.is_real()) continue;
        gradient += dot(outcome.gradients[next], direction[i]);
        for (const double g : outcome.gradients[next++]) size = std::max(size, std::abs(g));
      }
      const double scale = std::max({std::abs(gradient), std::abs(expected), size, 1e-3});
      if (!(std::abs(wide - expected) <= 1e-7 * scale)) continue;
      ++smooth;
      EXPECT_NEAR(gradient, expected, 1e-6 * scale);
    }
    EXPECT_GT(smooth, 0) << "no draw was smooth";
  });
}

TEST(Operators, MultipliersSumToTheDifferenceOfTheOutputs) {
  for_all_cases([](const OperatorCase& one, LoweredCase& subject) {
    if (!subject.has_gradient()) return;
    for (const auto& [device, tolerance] :
         {std::pair{kernels::make_reference_device(), 1e-9}, std::pair{kernels::make_cpu_device(1), 1e-4}}) {
      const std::shared_ptr<kernels::Device> shared(std::move(const_cast<std::unique_ptr<kernels::Device>&>(device)));
      PlanRequest request = subject.request;
      request.moving = request.gradients;
      if (!one.has_rule) {
        EXPECT_THROW(Plan(subject.graph(), request, shared), Error);
        return;
      }
      Plan plan(subject.graph(), request, shared);
      const std::vector<Values> reference = subject.draw(), feeds = subject.draw();
      for (std::size_t i = 0; i < reference.size(); ++i) write(*shared, reference[i], plan.reference_feed(i));
      plan.forward_reference();
      const Outcome outcome = run(plan, request, *shared, feeds, subject.seeds);
      double residual = 0, size = 1e-3;
      std::size_t next = 0;
      for (std::size_t i = 0; i < feeds.size(); ++i) {
        if (!subject.graph().value(request.feeds[i]).type.is_real()) continue;
        for (std::size_t k = 0; k < feeds[i].size(); ++k) {
          const double term = outcome.gradients[next][k] * (feeds[i][k] - reference[i][k]);
          residual += term;
          size += std::abs(term);
        }
        ++next;
      }
      std::size_t seed = 0;
      for (std::size_t i = 0; i < request.fetches.size(); ++i) {
        if (!subject.graph().value(request.fetches[i]).type.is_real()) continue;
        const Values y = outcome.fetches[i], y0 = read(*shared, plan.reference_fetch(i));
        for (std::size_t k = 0; k < y.size(); ++k) {
          residual -= subject.seeds[seed][k] * (y[k] - y0[k]);
          size += std::abs(subject.seeds[seed][k]) * (std::abs(y[k]) + std::abs(y0[k]));
        }
        ++seed;
      }
      EXPECT_LE(std::abs(residual), tolerance * size) << "on device " << shared->name();
    }
  });
}

TEST(Operators, BothDevicesAgree) {
  for_all_cases([](const OperatorCase&, LoweredCase& subject) {
    const std::shared_ptr<kernels::Device> reference = kernels::make_reference_device();
    const std::shared_ptr<kernels::Device> cpu = kernels::make_cpu_device(1);
    PlanRequest request = subject.request;
    if (!subject.has_gradient()) request.seeds = request.gradients = {};
    const std::vector<Values> seeds = subject.has_gradient() ? subject.seeds : std::vector<Values>{};
    bool smooth = false;
    for (int draw = 0; draw < kDraws && !smooth; ++draw) {
      const std::vector<Values> feeds = subject.draw();
      if (near_kink(subject.graph(), request, feeds, seeds)) continue;
      smooth = true;
      EXPECT_LE(difference(run(subject.graph(), request, reference, {}, feeds, seeds),
                           run(subject.graph(), request, cpu, {}, feeds, seeds)),
                1e-4);
    }
    EXPECT_TRUE(smooth) << "no draw was smooth";
  });
}

}  // namespace
}  // namespace mho::engine::testing
