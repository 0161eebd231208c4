// The affine prefix is interpolated instead of recomputed where that pays, and changes nothing.
#include "attribution/evaluator.h"

#include <gtest/gtest.h>

#include <cmath>

#include "attribution/setup.h"
#include "engine/slots.h"
#include "support/golden.h"
#include "support/random_network.h"

namespace mho::attribution {
namespace {

/// x [N, 600] - Gemm - Relu - Gemm: the first Gemm is worth cutting off.
std::string wide_mlp() {
  testing::ModelBuilder builder;
  const auto numbers = [](std::int64_t count, unsigned seed) {
    const Array values = testing::random_inputs({count}, 1, seed);
    const auto span = values.as<float>();
    return std::vector<float>(span.begin(), span.end());
  };
  builder.input("x", {std::string("N"), std::int64_t{600}});
  builder.floats("w", {600, 32}, numbers(600 * 32, 1)).floats("v", {32, 4}, numbers(32 * 4, 2));
  builder.node("MatMul", {"x", "w"}, {"hidden"});
  builder.node("Relu", {"hidden"}, {"relu"});
  builder.node("MatMul", {"relu", "v"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{4}});
  return builder.serialized();
}

class AffinePrefix : public ::testing::Test {
 protected:
  AffinePrefix() : model(Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble})) {}
  attribution::Setup set_up_for(const std::vector<std::string>& layers) {
    request.layers = layers;
    return set_up(model.impl(), {{"x", testing::random_inputs({600}, 2, 3)}}, request);
  }
  std::string bytes = wide_mlp();
  Model model;
  Request request;
};

TEST_F(AffinePrefix, IsUsedUpToTheFirstNonlinearity) {
  for (const char* layer : {"hidden", "relu"}) {
    const attribution::Setup setup = set_up_for({layer});
    EXPECT_TRUE(Evaluator(setup, request.target, 4, {}).uses_affine_prefix()) << layer;
  }
}

TEST_F(AffinePrefix, IsNotUsedWhereTheInputIsALayer) {
  const attribution::Setup setup = set_up_for({"x", "relu"});
  EXPECT_FALSE(Evaluator(setup, request.target, 4, {}).uses_affine_prefix());
}

TEST_F(AffinePrefix, GivesTheValuesAndGradientsOfTheWholeModel) {
  const attribution::Setup setup = set_up_for({"hidden", "relu"});
  Evaluator with(setup, request.target, 4, {});
  Evaluator without(setup, request.target, 4, {.use_affine_prefix = false});
  ASSERT_FALSE(without.uses_affine_prefix());
  ExamplePath a = with.path(1);
  ExamplePath b = without.path(1);
  const std::vector<double> alphas = {1, 0.75, 0.3, 0};
  std::vector<PathPoint> first, second;
  for (const double alpha : alphas) {
    first.push_back({&a, alpha});
    second.push_back({&b, alpha});
  }
  with.evaluate(first);
  without.evaluate(second);
  for (std::size_t p = 0; p < alphas.size(); ++p) {
    EXPECT_NEAR(with.target(p), without.target(p), 1e-11 * std::abs(without.target(p)));
    for (std::size_t l = 0; l < 2; ++l) {
      const Array y = engine::to_host(with.device(), with.value(l, p));
      const Array z = engine::to_host(with.device(), without.value(l, p));
      const Array g = engine::to_host(with.device(), with.gradient(l, p));
      const Array h = engine::to_host(with.device(), without.gradient(l, p));
      for (std::int64_t i = 0; i < y.size(); ++i) {
        EXPECT_NEAR(y.at(i), z.at(i), 1e-10);
        EXPECT_EQ(g.at(i), h.at(i));
      }
    }
  }
}

TEST_F(AffinePrefix, IsLeftAloneWhereInterpolationCostsMore) {
  const testing::GoldenNetwork network = testing::load_golden("plain_cnn");
  const Model cnn = Model::load(network.model);
  const Request cnn_request = network.request(Method::kNig);
  const attribution::Setup setup = set_up(cnn.impl(), network.group("input"), cnn_request);
  EXPECT_FALSE(Evaluator(setup, cnn_request.target, 2, {}).uses_affine_prefix())
      << "a convolution of few channels is cheaper than interpolating its output";
}

}  // namespace
}  // namespace mho::attribution
