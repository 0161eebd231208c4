// What must not change results: micro-batch, threads, memory for stored points, graph passes, order of examples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "support/differences.h"
#include "support/golden.h"

namespace mho {
namespace {

using testing::relative_difference;

void expect_equal(const Result& a, const Result& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    EXPECT_LE(relative_difference(a.layers[l].values, b.layers[l].values), tolerance)
        << what << ' ' << a.layers[l].name;
  }
  EXPECT_EQ(a.steps, b.steps) << what;
  EXPECT_EQ(a.target, b.target) << what;
}

class Stability : public ::testing::TestWithParam<std::string> {
 protected:
  Stability() : network(testing::load_golden(GetParam())), inputs(network.group("input")) {}
  testing::GoldenNetwork network;
  Inputs inputs;
};

TEST_P(Stability, MicroBatchesGiveTheSame) {
  const Model model = Model::load(network.model);
  for (const Method method : {Method::kNig, Method::kInternalInfluence, Method::kGradientXActivation}) {
    Request request = network.request(method);
    request.micro_batch = 1;
    const Result one = attribute(model, inputs, request);
    EXPECT_EQ(one.micro_batch, 1);
    for (const std::int64_t batch : {2, 3, 5, 8, 64}) {
      request.micro_batch = batch;
      expect_equal(one, attribute(model, inputs, request), 1e-6, "micro-batch " + std::to_string(batch));
    }
  }
}

TEST_P(Stability, ThreadsGiveTheSame) {
  Request request = network.request(Method::kNig);
  const Result one = attribute(Model::load(network.model, {.threads = 1}), inputs, request);
  const Result two = attribute(Model::load(network.model, {.threads = 2}), inputs, request);
  expect_equal(one, two, 1e-6, "2 threads");
}

TEST_P(Stability, MemoryForStoredPointsOnlySavesEvaluations) {
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  Request request = network.request(Method::kNig);
  request.tolerance = 2e-3;
  const bool trapezoids = attribute(model, inputs, request).metadata.at("rule") == "trapezoid";
  const Result rich = attribute(model, inputs, request);
  request.memory_budget = 0;
  const Result poor = attribute(model, inputs, request);
  expect_equal(rich, poor, 1e-12, "without memory");
  for (std::size_t n = 0; n < rich.steps.size(); ++n) {
    if (!trapezoids) {
      EXPECT_EQ(rich.evaluations[n], poor.evaluations[n]) << "secants store no points";
      continue;
    }
    EXPECT_EQ(rich.evaluations[n], rich.steps[n] + 1) << "every point once";
    EXPECT_LE(poor.evaluations[n], 2 * (poor.steps[n] + 1) + 16) << "levels add up to less than twice the last";
  }
}

TEST_P(Stability, PassesChangeNothing) {
  for (const Precision precision : {Precision::kDouble, Precision::kSingle}) {
    const Model model = Model::load(network.model, {.precision = precision});
    Request request = network.request(Method::kNig);
    request.quadrature = Quadrature::kTrapezoid;
    request.steps = 16;
    const Result with = attribute(model, inputs, request);
    request.optimize = false;
    const Result without = attribute(model, inputs, request);
    expect_equal(with, without, precision == Precision::kDouble ? 1e-11 : 1e-5, "without passes");
  }
}

TEST_P(Stability, LayersAskedForAloneOrTogetherAreTheSame) {
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  Request request = network.request(Method::kNig);
  request.quadrature = Quadrature::kTrapezoid;
  request.steps = 16;
  const Result together = attribute(model, inputs, request);
  for (const LayerResult& layer : together.layers) {
    request.layers = {layer.name};
    const Result alone = attribute(model, inputs, request);
    ASSERT_EQ(alone.layers.size(), 1U);
    EXPECT_LE(relative_difference(layer.values, alone.layers[0].values), 1e-12) << layer.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, Stability, ::testing::ValuesIn(testing::golden_names()),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

}  // namespace
}  // namespace mho
