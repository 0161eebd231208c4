// Invariant: in bfloat16 attribute() reports how far the first example is from float32, for every measure; and it is
// the difference that one finds by running both.
#include <gtest/gtest.h>
#include <mho/io.h>
#include <mho/mho.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "support/golden.h"
#include "support/onnx_builder.h"
#include "support/random_network.h"

namespace mho {
namespace {

/// Relative L1 over the first example.
double first_difference(const Array& rounded, const Array& exact) {
  const auto a = rounded.as<double>(), b = exact.as<double>();
  const std::size_t size = a.size() / static_cast<std::size_t>(rounded.shape()[0]);
  double difference = 0, sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    difference += std::abs(a[i] - b[i]);
    sum += std::abs(b[i]);
  }
  return difference / sum;
}

class Bfloat16 : public ::testing::Test {
 protected:
  Bfloat16() {
    if (!has_bfloat16()) return;
    const auto digits = std::filesystem::path(MHO_SOURCE_DIR) / "examples/digits";
    model = Model::load(digits / "cnn.onnx", {.precision = Precision::kBfloat16});
    single = Model::load(digits / "cnn.onnx");
    const Array images = io::read_npz(digits / "digits.npz").at("images").to(DType::f32);
    // Enough examples for micro-batches in which bfloat16 pays.
    const Shape shape{16, images.shape()[1], images.shape()[2], images.shape()[3]};
    const auto some = images.as<float>().first(static_cast<std::size_t>(element_count(shape)));
    inputs = {{single->inputs()[0].name, Array(shape, std::vector<float>(some.begin(), some.end()))}};
  }
  void SetUp() override {
    if (!has_bfloat16()) GTEST_SKIP() << "this CPU has no instructions for bfloat16 matrices (AMX)";
  }

  std::optional<Model> model, single;
  Inputs inputs;
};

TEST_F(Bfloat16, TheErrorIsTheDifferenceToAFloat32Run) {
  for (const Method method : {Method::kNig, Method::kIg, Method::kInternalInfluence, Method::kDeepLift,
                              Method::kGradientXActivation, Method::kActivation}) {
    Request request;
    request.method = method;
    if (method == Method::kNig || method == Method::kIg || method == Method::kInternalInfluence) {
      request.quadrature = Quadrature::kTrapezoid;
      request.steps = 32;
    }
    const Result rounded = attribute(*model, inputs, request);
    const Result exact = attribute(*single, inputs, request);
    ASSERT_EQ(rounded.target, exact.target);
    double worst = 0;
    for (std::size_t l = 0; l < rounded.layers.size(); ++l) {
      const LayerResult& layer = rounded.layers[l];
      SCOPED_TRACE(std::string(to_string(method)) + " of " + layer.name);
      ASSERT_TRUE(std::isfinite(layer.precision_error));
      // The other run has other micro-batches.
      EXPECT_NEAR(layer.precision_error, first_difference(layer.values, exact.layers[l].values), 2e-5);
      EXPECT_LT(layer.precision_error, 0.05);
      EXPECT_TRUE(std::isnan(exact.layers[l].precision_error));
      worst = std::max(worst, layer.precision_error);
    }
    EXPECT_GT(worst, 1e-5) << to_string(method) << " did not use bfloat16";
    EXPECT_EQ(rounded.metadata.at("precision"), "bfloat16");
  }
}

TEST_F(Bfloat16, AdaptivePathsAreComparedAtTheSamePoints) {
  Request request;
  request.tolerance = 1e-2;
  const Result rounded = attribute(*model, inputs, request);
  // Points that were chosen are nobody else's: what rounding does on a path of as many is about the same.
  request.steps = rounded.steps[0];
  request.quadrature = Quadrature::kSecant;
  const Result fixed = attribute(*model, inputs, request);
  for (std::size_t l = 0; l < rounded.layers.size(); ++l) {
    EXPECT_LE(rounded.layers[l].precision_error, 1.5 * fixed.layers[l].precision_error + 1e-4) << fixed.layers[l].name;
    EXPECT_GE(rounded.layers[l].precision_error, fixed.layers[l].precision_error / 1.5 - 1e-4) << fixed.layers[l].name;
  }
}

TEST_F(Bfloat16, TheMeanBaselineIsThatOfAllInputs) {
  Request request;
  request.baseline = MeanBaseline{};
  request.quadrature = Quadrature::kTrapezoid;
  request.steps = 16;
  const Result rounded = attribute(*model, inputs, request);
  const Result exact = attribute(*single, inputs, request);
  for (std::size_t l = 0; l < rounded.layers.size(); ++l) {
    const LayerResult& layer = rounded.layers[l];
    EXPECT_NEAR(layer.precision_error, first_difference(layer.values, exact.layers[l].values), 2e-5) << layer.name;
  }
}

// One row is not worth rounding, several are: they differ by more than batches and loops may.
TEST_F(Bfloat16, RoundingDoesNotStopMicroBatches) {
  testing::ModelBuilder builder;
  const auto numbers = [](std::int64_t rows, std::int64_t columns) {
    const Array values = testing::random_inputs({rows * columns}, 1, 5);
    return std::vector<float>(values.as<float>().begin(), values.as<float>().end());
  };
  builder.input("x", {std::string("N"), std::int64_t{600}});
  builder.floats("w", {600, 900}, numbers(600, 900)).floats("v", {900, 3}, numbers(900, 3));
  builder.node("MatMul", {"x", "w"}, {"h"});
  builder.node("Relu", {"h"}, {"r"});
  builder.node("MatMul", {"r", "v"}, {"y"});
  builder.output("y", {std::string("N"), std::int64_t{3}});
  const std::string bytes = builder.serialized();
  const Model wide = Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kBfloat16});
  Request request;
  request.layers = {"x"};
  const Result result = attribute(wide, {{"x", testing::random_inputs({600}, 2, 6)}}, request);
  EXPECT_TRUE(result.batching.starts_with("micro-batched")) << result.batching;
  EXPECT_GT(result.layers[0].precision_error, 1e-5);
}

TEST_F(Bfloat16, TheComparisonCanBeLeftOut) {
  Request request;
  request.method = Method::kGradient;
  request.measure_precision = false;
  for (const LayerResult& layer : attribute(*model, inputs, request).layers) {
    EXPECT_TRUE(std::isnan(layer.precision_error)) << layer.name;
  }
}

TEST(Bfloat16Fallback, IsFloat32WithoutTheInstructions) {
  if (has_bfloat16()) GTEST_SKIP() << "this CPU multiplies bfloat16 matrices";
  const auto network = testing::load_golden("residual_reused_relu");
  const Inputs inputs = network.group("input");
  const Request request = network.request(Method::kNig);
  const Result rounded = attribute(Model::load(network.model, {.precision = Precision::kBfloat16}), inputs, request);
  const Result exact = attribute(Model::load(network.model), inputs, request);
  for (std::size_t l = 0; l < exact.layers.size(); ++l) {
    EXPECT_EQ(rounded.layers[l].precision_error, 0);
    EXPECT_EQ(first_difference(rounded.layers[l].values, exact.layers[l].values), 0);
  }
}

}  // namespace
}  // namespace mho
