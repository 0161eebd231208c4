// What F can be: neurons inside the network, weighted sums, and F without the mean over all classes.
#include <gtest/gtest.h>
#include <mho/attribution.h>

#include "support/random_network.h"

namespace mho {
namespace {

class Targets : public ::testing::Test {
 protected:
  static constexpr std::int64_t kClasses = 5;

  Targets() {
    request.method = Method::kGradient;
    request.layers = {"x"};
  }
  Array values(const Target& target) {
    request.target = target;
    return attribute(model, inputs, request).layers[0].values;
  }
  std::vector<Array> of_every_class() {
    std::vector<Array> all;
    for (std::int64_t c = 0; c < kClasses; ++c) all.push_back(values(IndexTarget{{{c}}}));
    return all;
  }

  testing::RandomNetwork network = testing::random_network(testing::NetworkKind::kSmoothMlp, 5);
  Model model = Model::parse(std::as_bytes(std::span(network.bytes)), {}, {.precision = Precision::kDouble});
  Inputs inputs = {{"x", testing::random_inputs(network.input, 3, 5)}};
  Request request;
};

TEST_F(Targets, WeightedSumsAreLinear) {
  const std::vector<double> weights = {0.5, 0, -2, 1, 0.25};
  const Array sum = values(WeightedTarget{weights});
  const std::vector<Array> all = of_every_class();
  for (std::int64_t i = 0; i < sum.size(); ++i) {
    double expected = 0;
    for (std::size_t c = 0; c < weights.size(); ++c) expected += weights[c] * all[c].at(i);
    EXPECT_NEAR(sum.at(i), expected, 1e-12);
  }
  EXPECT_THROW(values(WeightedTarget{{1, 2}}), Error);
  EXPECT_THROW(values(WeightedTarget{std::vector<double>(5, 0.0)}), Error);
}

TEST_F(Targets, ClassMeanIsSubtracted) {
  const std::vector<Array> all = of_every_class();
  request.subtract_class_mean = true;
  const Array third = values(IndexTarget{{{2}}});
  for (std::int64_t i = 0; i < third.size(); ++i) {
    double mean = 0;
    for (const Array& one : all) mean += one.at(i) / kClasses;
    EXPECT_NEAR(third.at(i), all[2].at(i) - mean, 1e-12);
  }
}

TEST_F(Targets, AnyTensorsNeuronsCanBeExplained) {
  request.method = Method::kActivation;
  request.layers = {"fc1"};
  const Array activation = values(ArgmaxTarget{});
  const std::int64_t width = activation.size() / 3;
  request.method = Method::kNig;
  request.layers = {"x"};
  request.output = "fc1";
  request.target = IndexTarget{{{3}}};
  const Result result = attribute(model, inputs, request);
  EXPECT_EQ(result.target_tensor, "fc1");
  EXPECT_FALSE(result.target_note.empty());
  for (std::size_t n = 0; n < 3; ++n) {
    EXPECT_EQ(result.f_input[n], activation.at(static_cast<std::int64_t>(n) * width + 3));
    EXPECT_NEAR(result.layers[0].residual.at(n), 0, 1e-12);  // a first layer is affine
  }
  request.output = "no_such_tensor";
  EXPECT_THROW(static_cast<void>(attribute(model, inputs, request)), Error);
}

}  // namespace
}  // namespace mho
