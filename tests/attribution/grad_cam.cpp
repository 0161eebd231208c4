// Grad-CAM is relu(sum over channels of mean(gradient) * activation), for layers with positions and no others.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/error.h>

#include <algorithm>

#include "support/golden.h"

namespace mho {
namespace {

class GradCam : public ::testing::TestWithParam<std::string> {
 protected:
  Result run(Method method, const std::vector<std::string>& layers, bool keep_sign = false) {
    Request request = golden.request(method);
    request.layers = layers;
    request.signed_map = keep_sign;
    return attribute(model, golden.group("input"), request);
  }
  testing::GoldenNetwork golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model, {.precision = Precision::kDouble});
};

INSTANTIATE_TEST_SUITE_P(Networks, GradCam,
                         ::testing::Values("plain_cnn", "residual_reused_relu", "branches", "conv1d"),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

TEST_P(GradCam, IsMeanGradientsTimesActivations) {
  for (const bool keep_sign : {false, true}) {
    const Result maps = run(Method::kGradCam, {"*"}, keep_sign);
    ASSERT_FALSE(maps.layers.empty());
    bool any_negative = false;
    for (const LayerResult& map : maps.layers) {
      const Array y = run(Method::kActivation, {map.name}).layers[0].values;
      const Array g = run(Method::kGradient, {map.name}).layers[0].values;
      Shape expected_shape = y.shape();
      expected_shape[1] = 1;
      ASSERT_EQ(map.values.shape(), expected_shape) << map.name;
      const std::int64_t examples = y.shape()[0], channels = y.shape()[1];
      const std::int64_t positions = y.size() / examples / channels;
      for (std::int64_t n = 0; n < examples; ++n) {
        for (std::int64_t p = 0; p < positions; ++p) {
          double sum = 0;
          for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t first = (n * channels + c) * positions;
            double mean = 0;
            for (std::int64_t q = 0; q < positions; ++q) mean += g.at(first + q) / static_cast<double>(positions);
            sum += mean * y.at(first + p);
          }
          any_negative = any_negative || sum < 0;
          const double expected = keep_sign ? sum : std::max(0.0, sum);
          EXPECT_NEAR(map.values.at(n * positions + p), expected, 1e-12 * (1 + std::abs(sum))) << map.name;
        }
      }
      EXPECT_TRUE(map.residual.empty());
    }
    EXPECT_TRUE(any_negative) << "the relu was not tested";
  }
}

TEST_P(GradCam, LayersWithoutPositionsAreLeftOutUnlessNamed) {
  const Result all = run(Method::kActivation, {"*"});
  const Result maps = run(Method::kGradCam, {});
  for (const LayerResult& map : maps.layers) EXPECT_TRUE(map.cut);
  std::vector<std::string> without;
  for (const LayerResult& layer : all.layers) {
    const auto in_default = std::ranges::find(maps.layers, layer.name, &LayerResult::name);
    const bool has_positions = layer.values.shape().size() > 2;
    if (!has_positions) without.push_back(layer.name);
    EXPECT_TRUE(has_positions || in_default == maps.layers.end()) << layer.name;
  }
  ASSERT_FALSE(without.empty());
  try {
    static_cast<void>(run(Method::kGradCam, {without[0]}));
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kInvalidArgument);
    EXPECT_NE(std::string(error.what()).find("'" + without[0] + "' has no positions"), std::string::npos)
        << error.what();
  }
}

TEST(GradCamRequests, ModelsAndMeasuresWithoutMapsAreRefused) {
  const testing::GoldenNetwork golden = testing::load_golden("smooth_mlp");
  const Model model = Model::load(golden.model);
  Request request = golden.request(Method::kGradCam);
  request.layers.clear();
  EXPECT_THROW(static_cast<void>(attribute(model, golden.group("input"), request)), Error);
  request.method = Method::kNig;
  request.signed_map = true;
  EXPECT_THROW(static_cast<void>(attribute(model, golden.group("input"), request)), Error);
}

}  // namespace
}  // namespace mho
