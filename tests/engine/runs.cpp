// Plans on host values; the random questions asked of them.
#include "runs.h"

#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/slots.h"
#include "support/interpreter.h"

namespace mho::engine::testing {

using mho::testing::distance;
using mho::testing::largest;

Values read(kernels::Device& device, const kernels::Tensor& tensor) {
  const Array array = to_host(device, tensor).to(DType::f64);
  const auto elements = array.as<double>();
  return {elements.begin(), elements.end()};
}

void write(kernels::Device& device, const Values& values, const kernels::Tensor& tensor) {
  from_host(device, Array(tensor.shape(), values), tensor);
}

Outcome run(Plan& plan, const PlanRequest& request, kernels::Device& device, const std::vector<Values>& feeds,
            const std::vector<Values>& seeds) {
  for (std::size_t i = 0; i < feeds.size(); ++i) write(device, feeds[i], plan.feed(i));
  plan.forward();
  Outcome outcome;
  for (std::size_t i = 0; i < seeds.size(); ++i) write(device, seeds[i], plan.seed(i));
  if (!request.gradients.empty()) plan.backward();
  for (std::size_t i = 0; i < request.fetches.size(); ++i) outcome.fetches.push_back(read(device, plan.fetch(i)));
  for (std::size_t i = 0; i < request.gradients.size(); ++i) {
    outcome.gradients.push_back(read(device, plan.gradient(i)));
  }
  return outcome;
}

Outcome run(const graph::Graph& graph, const PlanRequest& request, const std::shared_ptr<kernels::Device>& device,
            const PlanOptions& options, const std::vector<Values>& feeds, const std::vector<Values>& seeds) {
  Plan plan(graph, request, device, options);
  return run(plan, request, *device, feeds, seeds);
}

// Cancellation (a saturated softmax) leaves rounding errors of the size of what cancelled, which is about one.
constexpr double kSmall = 0.1;

double difference(const Outcome& a, const Outcome& b) {
  double most = 0;
  const auto compare = [&](const std::vector<Values>& as, const std::vector<Values>& bs) {
    if (as.size() != bs.size()) most = INFINITY;
    for (std::size_t i = 0; i < std::min(as.size(), bs.size()); ++i) {
      const double d = distance(as[i], bs[i]);
      if (d > 0) most = std::max(most, d / std::max(largest(as[i]), kSmall));
    }
  };
  compare(a.fetches, b.fetches);
  compare(a.gradients, b.gradients);
  return most;
}

bool near_kink(const graph::Graph& graph, const PlanRequest& request, const std::vector<Values>& feeds,
               const std::vector<Values>& seeds) {
  const std::shared_ptr<kernels::Device> device = kernels::make_reference_device();
  Plan plan(graph, request, device, {.optimize = false});
  const Outcome here = run(plan, request, *device, feeds, seeds);
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal(0, 1e-5);
  for (int trial = 0; trial < 8; ++trial) {
    std::vector<Values> moved = feeds;
    for (std::size_t i = 0; i < moved.size(); ++i) {
      if (!graph.value(request.feeds[i]).type.is_real()) continue;
      for (double& v : moved[i]) v += normal(random);
    }
    if (difference(here, run(plan, request, *device, moved, seeds)) > 2e-3) return true;
  }
  return false;
}

namespace {

std::int64_t draw(std::int64_t low, std::int64_t high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::int64_t>(low, high + 1));
}

}  // namespace

Question draw_question(bool exact) {
  mho::testing::RandomGraphOptions options;
  options.batch = draw(1, 3);
  options.images = draw(0, 3) > 0;
  options.layers = static_cast<int>(*rc::gen::inRange(1, 8));
  options.two_inputs = draw(0, 2) == 0;
  options.batch_normalization = !exact;
  const auto seed = static_cast<std::uint64_t>(draw(0, 1 << 30));
  Question q{random_graph(seed, options), {}, {}, {}};
  q.request.feeds = q.network.inputs;
  q.request.fetches = {q.network.output};
  q.request.seeds = {q.network.output};
  q.request.gradients = q.network.inputs;
  for (const ValueId id : q.network.layers) {
    if (draw(0, 2) == 0) q.request.fetches.push_back(id);
    if (draw(0, 2) == 0) q.request.gradients.push_back(id);
  }
  q.feeds = random_inputs(q.network, seed + 1);
  std::mt19937_64 random(seed + 2);
  std::normal_distribution<double> normal;
  for (const ValueId id : q.request.seeds) {
    Values& cotangent = q.seeds.emplace_back(static_cast<std::size_t>(q.network.graph.value(id).type.elements()));
    for (double& v : cotangent) v = static_cast<float>(normal(random));
  }
  return q;
}

}  // namespace mho::engine::testing
