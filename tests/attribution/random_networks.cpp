// Random networks: affine ones need one gradient, and cuts are complete.
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include <cmath>

#include "support/random_network.h"

namespace mho {
namespace {

using testing::NetworkKind;
using testing::RandomNetwork;

Model parse(const RandomNetwork& network, const ModelOptions& options = {}) {
  return Model::parse(std::as_bytes(std::span(network.bytes)), {}, options);
}

TEST(RandomNetworks, AffineOnesNeedOneSegmentAndAreExact) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const RandomNetwork network = testing::random_network(NetworkKind::kAffine, seed);
    const Model model = parse(network, {.precision = Precision::kDouble});
    const Inputs inputs = {{"x", testing::random_inputs(network.input, 2, seed)}};
    const Result result = attribute(model, inputs);
    for (const LayerResult& layer : result.layers) {
      for (std::size_t n = 0; n < 2; ++n) {
        EXPECT_EQ(result.steps[n], 1);
        EXPECT_EQ(result.evaluations[n], 2);
        EXPECT_EQ(layer.estimated_error[n], 0);
        EXPECT_NEAR(layer.residual[n], 0, 1e-12 * (1 + std::abs(result.f_input[n] - result.f_baseline[n])))
            << "seed " << seed << ' ' << layer.name;
      }
    }
    Request product;
    product.method = Method::kGradient;
    product.layers = {"x"};
    const Result gradient = attribute(model, inputs, product);
    product.method = Method::kIg;
    product.layers.clear();
    const Result ig = attribute(model, inputs, product);
    for (std::int64_t i = 0; i < ig.layers[0].values.size(); ++i) {
      const double expected = gradient.layers[0].values.at(i) * inputs.at("x").at(i);
      EXPECT_NEAR(ig.layers[0].values.at(i), expected, 1e-12 * (1 + std::abs(expected)));
    }
  }
}

TEST(RandomNetworks, CutsAreCompleteWithinTheTolerance) {
  for (const NetworkKind kind : {NetworkKind::kReluMlp, NetworkKind::kSmoothMlp, NetworkKind::kCnn}) {
    for (unsigned seed = 0; seed < 15; ++seed) {
      const RandomNetwork network = testing::random_network(kind, seed);
      Request request;
      request.max_steps = 1 << 14;
      const Result result = attribute(parse(network), {{"x", testing::random_inputs(network.input, 3, seed)}}, request);
      for (const LayerResult& layer : result.layers) {
        ASSERT_TRUE(layer.cut);
        const std::int64_t size = layer.values.size() / 3;
        for (std::size_t n = 0; n < 3; ++n) {
          double norm = 0;
          for (std::int64_t i = 0; i < size; ++i) {
            norm += std::abs(layer.values.at(static_cast<std::int64_t>(n) * size + i));
          }
          EXPECT_TRUE(result.converged[n]);
          EXPECT_LE(std::abs(layer.residual[n]), request.tolerance * norm + 1e-5)
              << "seed " << seed << ' ' << layer.name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace mho
