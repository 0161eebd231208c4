// Every measure equals the values PyTorch computed in float64 (tests/golden): to rounding on the reference device, to
// float32 on the CPU.
#include "support/golden.h"

#include <gtest/gtest.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "support/sanitized.h"

namespace mho {
namespace {

using testing::GoldenNetwork;

double relative_l1(const Array& actual, const Array& expected, std::int64_t first, std::int64_t count) {
  double norm = 0;
  double difference = 0;
  for (std::int64_t i = first; i < first + count; ++i) {
    norm += std::abs(expected.at(i));
    difference += std::abs(actual.at(i) - expected.at(i));
  }
  return norm > 0 ? difference / norm : difference;
}

void expect_near(const Array& actual, const Array& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  const std::int64_t examples = expected.shape()[0];
  const std::int64_t size = expected.size() / examples;
  for (std::int64_t n = 0; n < examples; ++n) {
    EXPECT_LE(relative_l1(actual, expected, n * size, size), tolerance) << what << ", example " << n;
  }
}

struct Case {
  std::string network;
  Precision precision;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.network << (c.precision == Precision::kDouble ? ", double" : ", single");
}

class Golden : public ::testing::TestWithParam<Case> {
 protected:
  Golden()
      : network(testing::load_golden(GetParam().network)),
        model(Model::load(network.model, {.precision = GetParam().precision})),
        inputs(network.group("input")),
        tolerance(GetParam().precision == Precision::kDouble ? 1e-11 : 2e-5) {}

  void expect_layers(const Request& request, const std::string& key) {
    const Result result = attribute(model, inputs, request);
    int compared = 0;
    for (const LayerResult& layer : result.layers) {
      const auto it = network.values.find(key + "/" + layer.name);
      if (it == network.values.end()) continue;
      expect_near(layer.values, it->second, tolerance, key + "/" + layer.name);
      ++compared;
    }
    EXPECT_GT(compared, 0) << key;
  }

  GoldenNetwork network;
  Model model;
  Inputs inputs;
  double tolerance;
};

TEST_P(Golden, OutputsAndTarget) {
  for (const auto& [name, array] : model.run(inputs)) {
    expect_near(array, network.values.at("output/" + name), tolerance, "output/" + name);
  }
  const Request request = network.request(Method::kActivation);
  const Result result = attribute(model, inputs, request);
  for (std::size_t n = 0; n < result.f_input.size(); ++n) {
    const double scale = std::abs(network.values.at("f_input").at(static_cast<std::int64_t>(n))) +
                         std::abs(network.values.at("f_baseline").at(static_cast<std::int64_t>(n)));
    EXPECT_NEAR(result.f_input[n], network.values.at("f_input").at(static_cast<std::int64_t>(n)), tolerance * scale);
    EXPECT_NEAR(result.f_baseline[n], network.values.at("f_baseline").at(static_cast<std::int64_t>(n)),
                tolerance * scale);
  }
  EXPECT_EQ(result.target_tensor, network.target);
}

TEST_P(Golden, ArgmaxIsTheLargestOutputOfEachExample) {
  Request request = network.request(Method::kActivation);
  request.target = ArgmaxTarget{};
  const Result result = attribute(model, inputs, request);
  const Array& outputs = network.values.at("output/" + model.outputs().front().name);
  const std::int64_t size = outputs.size() / outputs.shape()[0];
  for (std::int64_t n = 0; n < outputs.shape()[0]; ++n) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < size; ++i) {
      if (outputs.at(n * size + i) > outputs.at(n * size + best)) best = i;
    }
    EXPECT_EQ(result.target[static_cast<std::size_t>(n)], best);
  }
}

TEST_P(Golden, ActivationAndGradient) {
  expect_layers(network.request(Method::kActivation), "activation");
  expect_layers(network.request(Method::kGradient), "gradient");
}

TEST_P(Golden, NigByEveryFixedRule) {
  for (const Quadrature rule : {Quadrature::kLeft, Quadrature::kRight, Quadrature::kTrapezoid, Quadrature::kMidpoint,
                                Quadrature::kGaussLegendre}) {
    for (const Method method : {Method::kNig, Method::kIg}) {
      Request request = network.request(method);
      request.quadrature = rule;
      request.steps = 32;
      expect_layers(request, std::string("nig_") + to_string(rule) + "_32");
    }
  }
}

TEST_P(Golden, InternalInfluence) {
  Request request = network.request(Method::kInternalInfluence);
  request.quadrature = Quadrature::kTrapezoid;
  request.steps = 32;
  expect_layers(request, "internal_influence_trapezoid_32");
}

TEST_P(Golden, ConductanceNeuronByNeuron) {
  if (testing::kSanitized && GetParam().precision == Precision::kDouble) GTEST_SKIP() << testing::kTooLong;
  for (const Quadrature rule : {Quadrature::kLeft, Quadrature::kTrapezoid}) {
    if (testing::kSanitized && rule == Quadrature::kLeft) continue;
    Request request = network.request(Method::kConductance);
    request.quadrature = rule;
    request.steps = 32;
    expect_layers(request, std::string("conductance_") + to_string(rule) + "_32");
  }
}

TEST_P(Golden, ConductanceSplitByInput) {
  for (const auto& [key, array] : network.values) {
    const std::string prefix = "conductance_split_trapezoid_32/";
    if (!key.starts_with(prefix)) continue;
    Request request = network.request(Method::kConductance);
    request.layers = {key.substr(prefix.size())};
    request.quadrature = Quadrature::kTrapezoid;
    request.steps = 32;
    request.split_by_input = true;
    expect_layers(request, "conductance_split_trapezoid_32");
  }
}

// The estimate is a bound of the error that was made, not a coincidence: the adaptive value is within it of the
// converged one.
/// Piecewise linear networks have exact values; the script's trapezoids are off by up to 5e-4 there, and by about 1e-4
/// on other networks with kinks.
std::optional<Result> exact_values(const Model& model, const Inputs& inputs, Request request) {
  request.quadrature = Quadrature::kExact;
  try {
    return attribute(model, inputs, request);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kUnsupported) << error.what();
    return {};
  }
}

TEST_P(Golden, AdaptiveIsWithinItsEstimateOfTheConvergedValue) {
  Request request = network.request(Method::kNig);
  request.tolerance = 1e-3;
  request.max_steps = 16384;
  const Result result = attribute(model, inputs, request);
  const std::optional<Result> exact = exact_values(model, inputs, network.request(Method::kNig));
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    const LayerResult& layer = result.layers[l];
    const Array& converged = network.values.at("nig_reference/" + layer.name);
    const Array& expected = exact ? exact->layers[l].values : converged;
    const std::int64_t size = expected.size() / expected.shape()[0];
    for (std::size_t n = 0; n < result.converged.size(); ++n) {
      const std::int64_t first = static_cast<std::int64_t>(n) * size;
      EXPECT_TRUE(result.converged[n]);
      EXPECT_LE(layer.estimated_error[n], request.tolerance);
      EXPECT_LE(relative_l1(expected, converged, first, size), 5e-4) << layer.name;
      const double error = relative_l1(layer.values, expected, first, size);
      EXPECT_LE(error, layer.estimated_error[n] + (exact || network.smooth ? 1e-5 : 2e-4)) << layer.name;
    }
  }
}

TEST_P(Golden, CutsAreTheOnesTheScriptSays) {
  const Result result = attribute(model, inputs, network.request(Method::kActivation));
  const Request nig = network.request(Method::kNig);
  for (const LayerResult& layer : attribute(model, inputs, nig).layers) {
    const bool partial = std::ranges::find(network.partial, layer.name) != network.partial.end();
    EXPECT_EQ(layer.cut, !partial) << layer.name;
    EXPECT_EQ(layer.residual.empty(), partial) << layer.name;
  }
  EXPECT_EQ(result.layers.size(), network.layers.size());
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const std::string& name : testing::golden_names()) {
    cases.push_back({name, Precision::kDouble});
    cases.push_back({name, Precision::kSingle});
  }
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<Case>& c) {
  return c.param.network + (c.param.precision == Precision::kDouble ? "_double" : "_single");
}

INSTANTIATE_TEST_SUITE_P(Networks, Golden, ::testing::ValuesIn(all_cases()), case_name);

}  // namespace
}  // namespace mho
