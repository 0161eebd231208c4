// Smooth networks: trapezoids are of second order, and two sums of them are extrapolated.
#include <gtest/gtest.h>

#include <cmath>

#include "attribution/choose_rule.h"
#include "support/differences.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::NetworkKind;

Model parse(const testing::RandomNetwork& network, const ModelOptions& options = {}) {
  return Model::parse(std::as_bytes(std::span(network.bytes)), {}, options);
}

/// x [N, 6] - Gemm - tanh - Gemm - `activation` - Gemm.
std::string two_layers(const std::string& activation) {
  testing::ModelBuilder builder;
  const auto numbers = [](std::int64_t count, unsigned seed) {
    const Array values = testing::random_inputs({count}, 1, seed);
    return std::vector<float>(values.as<float>().begin(), values.as<float>().end());
  };
  builder.input("x", {std::string("N"), std::int64_t{6}});
  builder.floats("u", {6, 8}, numbers(48, 1)).floats("v", {8, 8}, numbers(64, 2)).floats("w", {8, 2}, numbers(16, 3));
  builder.node("MatMul", {"x", "u"}, {"a"});
  builder.node("Tanh", {"a"}, {"first"});
  builder.node("MatMul", {"first", "v"}, {"b"});
  builder.node(activation, {"b"}, {"second"});
  builder.node("MatMul", {"second", "w"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{2}});
  return builder.serialized();
}

TEST(Smooth, IsWhatHasNoKinksAndNoJumps) {
  for (const auto& [activation, smooth] : std::vector<std::pair<std::string, bool>>{{"Tanh", true},
                                                                                    {"Sigmoid", true},
                                                                                    {"Erf", true},
                                                                                    {"Softplus", true},
                                                                                    {"Relu", false},
                                                                                    {"Elu", false},
                                                                                    {"Abs", false},
                                                                                    {"Floor", false},
                                                                                    {"Selu", false}}) {
    const std::string bytes = two_layers(activation);
    const Model model = Model::parse(std::as_bytes(std::span(bytes)));
    Request request;
    request.layers = {"first"};
    const auto setup = attribution::set_up(model.impl(), {{"x", testing::random_inputs({6}, 1, 4)}}, request);
    EXPECT_EQ(attribution::is_smooth(setup), smooth) << activation;
  }
}

TEST(Smooth, AnAdaptiveRunIsThirdsOfTwoTrapezoids) {
  const std::string bytes = two_layers("Tanh");
  const Model model = Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble});
  const Inputs inputs{{"x", testing::random_inputs({6}, 1, 4)}};
  Request request;
  request.layers = {"first"};
  request.tolerance = 1e-4;
  const Result adaptive = attribute(model, inputs, request);
  request.steps = adaptive.steps[0];
  const Result fine = attribute(model, inputs, request);
  request.steps /= 2;
  const Result coarse = attribute(model, inputs, request);
  double distance = 0, norm = 0;
  for (std::int64_t i = 0; i < fine.layers[0].values.size(); ++i) {
    const double a = fine.layers[0].values.at(i), b = coarse.layers[0].values.at(i);
    EXPECT_NEAR(adaptive.layers[0].values.at(i), a + (a - b) / 3, 1e-12);
    distance += std::abs(a - b);
    norm += std::abs(a);
  }
  EXPECT_NEAR(adaptive.layers[0].estimated_error[0], distance / norm / 2, 1e-9);
}

// Fourth order: at equal work a fraction of the trapezoid's error, and mostly below the estimate.
TEST(Smooth, ExtrapolatedSumsAreFarMoreAccurate) {
  double extrapolated = 0, trapezoids = 0;
  int above = 0, cases = 0;
  for (unsigned seed = 200; seed < 212; ++seed) {
    const auto network = testing::random_network(NetworkKind::kSmoothMlp, seed);
    const Model model = parse(network, {.precision = Precision::kDouble});
    const Inputs inputs{{"x", testing::random_inputs(network.input, 1, seed)}};
    Request request;
    request.tolerance = 2e-3;
    const Result adaptive = attribute(model, inputs, request);
    request.steps = 1024;
    const Result exact = attribute(model, inputs, request);
    request.steps = adaptive.steps[0];
    const Result fixed = attribute(model, inputs, request);
    for (std::size_t l = 0; l < exact.layers.size(); ++l) {
      const double error = testing::relative_difference(exact.layers[l].values, adaptive.layers[l].values);
      extrapolated += error;
      trapezoids += testing::relative_difference(exact.layers[l].values, fixed.layers[l].values);
      if (adaptive.layers[l].estimated_error[0] == 0) continue;
      above += error <= adaptive.layers[l].estimated_error[0] ? 1 : 0;
      ++cases;
    }
  }
  EXPECT_LE(extrapolated, 0.6 * trapezoids);
  EXPECT_GE(above, 0.95 * cases);
}

}  // namespace
}  // namespace mho
