// Quadrature::kSecant: between DeepLIFT (one segment) and the integral (many), complete everywhere in between.
#include <gtest/gtest.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/differences.h"
#include "support/golden.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::GoldenNetwork;
using testing::relative_difference;

Request secants(Request request, std::int64_t steps) {
  request.method = Method::kNig;
  request.quadrature = Quadrature::kSecant;
  request.steps = steps;
  return request;
}

class Secants : public ::testing::TestWithParam<std::string> {
 protected:
  Secants()
      : network(testing::load_golden(GetParam())),
        model(Model::load(network.model, {.precision = Precision::kDouble})),
        inputs(network.group("input")),
        request(network.request(Method::kNig)) {}
  GoldenNetwork network;
  Model model;
  Inputs inputs;
  Request request;
};

TEST_P(Secants, OneSegmentIsDeepLift) {
  const Result secant = attribute(model, inputs, secants(request, 1));
  Request deeplift = request;
  deeplift.method = Method::kDeepLift;
  deeplift.quadrature = Quadrature::kAdaptive;
  deeplift.steps = 0;
  const Result expected = attribute(model, inputs, deeplift);
  ASSERT_EQ(secant.layers.size(), expected.layers.size());
  for (std::size_t l = 0; l < expected.layers.size(); ++l) {
    EXPECT_LE(relative_difference(expected.layers[l].values, secant.layers[l].values), 1e-13)
        << expected.layers[l].name;
  }
  for (std::size_t n = 0; n < expected.f_input.size(); ++n) {
    EXPECT_NEAR(secant.f_input[n], expected.f_input[n], 1e-13 * (1 + std::abs(expected.f_input[n])));
    EXPECT_NEAR(secant.f_baseline[n], expected.f_baseline[n], 1e-13 * (1 + std::abs(expected.f_input[n])));
  }
}

TEST_P(Secants, AreCompleteForAnyNumberOfSegments) {
  for (const std::int64_t steps : {1, 2, 3, 5, 7, 19}) {
    const Result result = attribute(model, inputs, secants(request, steps));
    for (const LayerResult& layer : result.layers) {
      if (!layer.cut) continue;
      for (std::size_t n = 0; n < layer.residual.size(); ++n) {
        double size = 1e-3;
        const std::int64_t elements = layer.values.size() / static_cast<std::int64_t>(layer.residual.size());
        for (std::int64_t i = 0; i < elements; ++i) {
          size += std::abs(layer.values.at(static_cast<std::int64_t>(n) * elements + i));
        }
        EXPECT_LE(std::abs(layer.residual[n]), 1e-10 * size) << layer.name << ", " << steps << " segments";
      }
    }
  }
}

TEST_P(Secants, ConvergeToTheIntegral) {
  Request fine = request;
  fine.quadrature = Quadrature::kTrapezoid;
  fine.steps = 4096;
  const Result exact = attribute(model, inputs, fine);
  const Result few = attribute(model, inputs, secants(request, 8));
  const Result many = attribute(model, inputs, secants(request, 128));
  for (std::size_t l = 0; l < exact.layers.size(); ++l) {
    const double coarse = relative_difference(exact.layers[l].values, few.layers[l].values);
    const double error = relative_difference(exact.layers[l].values, many.layers[l].values);
    EXPECT_LE(error, 5e-3) << exact.layers[l].name;
    EXPECT_LE(error, std::max(coarse / 4, 1e-3)) << exact.layers[l].name;
  }
}

TEST_P(Secants, TheErrorThatIsFoundIsTheTrueOne) {
  Request fine = request;
  fine.quadrature = Quadrature::kTrapezoid;
  fine.steps = 4096;
  const Result exact = attribute(model, inputs, fine);
  Request adaptive = secants(request, 0);
  adaptive.tolerance = 2e-2;
  const Result result = attribute(model, inputs, adaptive);
  for (std::size_t n = 0; n < result.converged.size(); ++n) EXPECT_TRUE(result.converged[n]) << "example " << n;
  for (std::size_t l = 0; l < exact.layers.size(); ++l) {
    EXPECT_LE(relative_difference(exact.layers[l].values, result.layers[l].values), 2e-2) << exact.layers[l].name;
    for (const double estimate : result.layers[l].estimated_error) EXPECT_LE(estimate, 2e-2);
  }
}

// Little memory: no segment has sums of its own, or few have. The values are those of the same tolerance.
TEST_P(Secants, LittleMemoryChangesNoTolerance) {
  Request fine = request;
  fine.quadrature = Quadrature::kTrapezoid;
  fine.steps = 4096;
  const Result exact = attribute(model, inputs, fine);
  std::int64_t neurons = 0;
  for (const LayerResult& layer : exact.layers) neurons += layer.values.size() / layer.values.shape()[0];
  for (const std::int64_t segments : {0, 17, 40}) {
    Request adaptive = secants(request, 0);
    adaptive.tolerance = 1e-2;
    adaptive.memory_budget = segments * 8 * neurons;
    const Result result = attribute(model, inputs, adaptive);
    for (std::size_t l = 0; l < exact.layers.size(); ++l) {
      const double error = relative_difference(exact.layers[l].values, result.layers[l].values);
      const bool converged = std::ranges::find(result.converged, false) == result.converged.end();
      EXPECT_LE(error, converged ? 1e-2 : 5e-2) << exact.layers[l].name << ", memory for " << segments;
    }
  }
}

TEST_P(Secants, InternalInfluenceIsTheMeanMultiplier) {
  Request fine = request;
  fine.method = Method::kInternalInfluence;
  fine.quadrature = Quadrature::kTrapezoid;
  fine.steps = 2048;
  const Result exact = attribute(model, inputs, fine);
  Request influence = secants(request, 128);
  influence.method = Method::kInternalInfluence;
  const Result result = attribute(model, inputs, influence);
  for (std::size_t l = 0; l < exact.layers.size(); ++l) {
    EXPECT_LE(relative_difference(exact.layers[l].values, result.layers[l].values), 1e-2) << exact.layers[l].name;
  }
}

// Slots meet at other points, and other examples share a batch.
TEST_P(Secants, AreTheSameForEveryMicroBatchAndThread) {
  const Result expected = attribute(model, inputs, secants(request, 13));
  for (const std::int64_t batch : {1, 2, 5}) {
    Request other = secants(request, 13);
    other.micro_batch = batch;
    const Result result = attribute(model, inputs, other);
    for (std::size_t l = 0; l < expected.layers.size(); ++l) {
      EXPECT_LE(relative_difference(expected.layers[l].values, result.layers[l].values), 1e-12) << batch;
    }
  }
  const Result one = attribute(Model::load(network.model, {.threads = 1}), inputs, secants(request, 13));
  const Result two = attribute(Model::load(network.model, {.threads = 2}), inputs, secants(request, 13));
  for (std::size_t l = 0; l < expected.layers.size(); ++l) {
    EXPECT_LE(relative_difference(two.layers[l].values, one.layers[l].values), 1e-6);
    EXPECT_LE(relative_difference(expected.layers[l].values, one.layers[l].values), 2e-4) << "float32";
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, Secants, ::testing::ValuesIn(testing::golden_names()),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

TEST(SecantRequests, ConductanceNeedsGradients) {
  const Model model = Model::load(testing::load_golden(testing::golden_names()[0]).model);
  Request request;
  request.method = Method::kConductance;
  request.quadrature = Quadrature::kSecant;
  request.steps = 4;
  try {
    static_cast<void>(attribute(model, testing::load_golden(testing::golden_names()[0]).group("input"), request));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
  }
}

// What the rule is for: kinks. On random ReLU networks its error is a fraction of the trapezoid's.
TEST(SecantRequests, NeedFewerSegmentsThanTrapezoidsOnReluNetworks) {
  double secant_errors = 0, trapezoid_errors = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const auto network = testing::RandomNetworkMaker(testing::NetworkKind::kReluMlp, seed).make();
    const Model model = Model::parse(std::as_bytes(std::span(network.bytes)), {}, {.precision = Precision::kDouble});
    std::mt19937 random(seed);
    std::normal_distribution<double> normal;
    Shape shape = network.input;
    shape.insert(shape.begin(), 2);
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (double& v : values) v = normal(random);
    const Inputs inputs{{"x", Array(shape, values)}};
    Request request;
    request.quadrature = Quadrature::kTrapezoid;
    request.steps = 4096;
    const Result exact = attribute(model, inputs, request);
    request.steps = 16;
    const Result trapezoid = attribute(model, inputs, request);
    const Result secant = attribute(model, inputs, secants(request, 16));
    for (std::size_t l = 0; l < exact.layers.size(); ++l) {
      secant_errors += relative_difference(exact.layers[l].values, secant.layers[l].values);
      trapezoid_errors += relative_difference(exact.layers[l].values, trapezoid.layers[l].values);
    }
  }
  EXPECT_LE(secant_errors, 0.6 * trapezoid_errors);
}

}  // namespace
}  // namespace mho
