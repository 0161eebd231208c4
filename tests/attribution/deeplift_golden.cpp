// DeepLIFT equals Captum (Rescale) and the formulas of arXiv 1704.02685 (RevealCancel, genomics default) where the rule
// is the same: values of tests/golden/make_deeplift.py; and the paper's toy networks by hand.
#include <gtest/gtest.h>

#include "support/differences.h"
#include "support/golden.h"
#include "support/onnx_builder.h"

namespace mho {
namespace {

using testing::GoldenNetwork;
using testing::relative_difference;

struct Case {
  std::string network;
  Precision precision;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.network << (c.precision == Precision::kDouble ? ", double" : ", single");
}

class DeepLiftGolden : public ::testing::TestWithParam<Case> {
 protected:
  void expect(const std::string& key, const Request& request, double tolerance) {
    int compared = 0;
    for (const LayerResult& layer : attribute(model, golden.group("input"), request).layers) {
      const auto it = golden.values.find(key + "/" + layer.name);
      if (it == golden.values.end()) continue;
      ASSERT_EQ(layer.values.shape(), it->second.shape()) << it->first;
      EXPECT_LE(relative_difference(it->second, layer.values), tolerance) << it->first;
      ++compared;
    }
    EXPECT_GE(compared, request.layers.size() == 1 ? 1 : 3) << key;
  }
  [[nodiscard]] Request request(DeepLiftRule rule) const {
    Request r = golden.request(Method::kDeepLift);
    r.layers = {"x", "t*"};
    r.rules = {{"*", rule}};
    return r;
  }

  GoldenNetwork golden = testing::load_golden("deeplift_" + GetParam().network);
  Model model = Model::load(golden.model, {.precision = GetParam().precision});
  bool in_double = GetParam().precision == Precision::kDouble;
};

TEST_P(DeepLiftGolden, RescaleIsCaptums) {
  const double tolerance = in_double ? 1e-11 : 1e-5;
  expect("captum", request(DeepLiftRule::kRescale), tolerance);
  expect("rescale", request(DeepLiftRule::kRescale), tolerance);
}

TEST_P(DeepLiftGolden, NeuronsAreCaptums) {
  Request r = request(DeepLiftRule::kRescale);
  // make_deeplift.py explains a neuron of the last nonlinearity.
  r.output = GetParam().network == "cnn" ? "t7" : (GetParam().network == "dense" ? "t5" : "t6");
  r.target = IndexTarget{{{golden.values.at("neuron").as<std::int64_t>()[0]}}};
  r.layers = {"x"};
  expect("captum_neuron", r, in_double ? 1e-11 : 1e-5);
}

// kundajelab/deeplift divides by a pseudocount of 1e-7 where one sign does not occur, and has rounding / 1e-7 there.
TEST_P(DeepLiftGolden, RevealCancelAndGenomicsDefaultAreTheFormulas) {
  const double tolerance = in_double ? 1e-8 : 1e-5;
  for (const DeepLiftRule rule : {DeepLiftRule::kRevealCancel, DeepLiftRule::kGenomics}) {
    Request r = request(rule);
    expect(to_string(rule), r, tolerance);
    r.multipliers = true;
    expect(std::string(to_string(rule)) + "_multipliers", r, tolerance);
  }
}

TEST_P(DeepLiftGolden, RulesDiffer) {
  const auto values = [&](DeepLiftRule rule) {
    return attribute(model, golden.group("input"), request(rule)).layers.at(0).values;
  };
  EXPECT_GT(relative_difference(values(DeepLiftRule::kRescale), values(DeepLiftRule::kRevealCancel)), 0.01);
  EXPECT_GT(relative_difference(values(DeepLiftRule::kRescale), values(DeepLiftRule::kGradient)), 0.01);
}

INSTANTIATE_TEST_SUITE_P(Networks, DeepLiftGolden,
                         ::testing::Values(Case{"dense", Precision::kDouble}, Case{"dense", Precision::kSingle},
                                           Case{"cnn", Precision::kDouble}, Case{"cnn", Precision::kSingle},
                                           Case{"genomics", Precision::kDouble}, Case{"genomics", Precision::kSingle}));

/// Contributions of the elements of input "x" [1, 2] to "y" by hand-made networks.
class Toy : public ::testing::Test {
 protected:
  Toy() { builder.input("x", {std::string("N"), std::int64_t{2}}); }

  std::vector<double> contributions(DeepLiftRule rule, const std::vector<float>& x,
                                    const std::vector<float>& reference = {0, 0}) {
    if (!built_) builder.output("y", {std::string("N"), std::int64_t{1}});
    built_ = true;
    const std::string bytes = builder.serialized();
    const Model model = Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble});
    Request request;
    request.method = Method::kDeepLift;
    request.layers = {"x"};
    request.rules = {{"*", rule}};
    request.target = IndexTarget{{{0}}};
    request.baseline = Inputs{{"x", Array({1, 2}, reference)}};
    const Result result = attribute(model, {{"x", Array({1, 2}, x)}}, request);
    return {result.layers[0].values.at(0), result.layers[0].values.at(1)};
  }
  void gemm(const std::string& from, const std::string& to, const Shape& shape, const std::vector<float>& w,
            const std::vector<float>& bias) {
    builder.floats(to + ".w", shape, w).floats(to + ".b", {shape[1]}, bias);
    builder.node("Gemm", {from, to + ".w", to + ".b"}, {to});
  }

  testing::ModelBuilder builder;

 private:
  bool built_ = false;
};

using Pair = std::vector<double>;

void expect_pair(const Pair& actual, const Pair& expected) {
  EXPECT_NEAR(actual[0], expected[0], 1e-14);
  EXPECT_NEAR(actual[1], expected[1], 1e-14);
}

// min(i1, i2) = i1 - max(0, i1 - i2), section 3.5.3 of the paper.
TEST_F(Toy, MinimumByMatrixProducts) {
  gemm("x", "z", {2, 1}, {1, -1}, {0});
  builder.node("Relu", {"z"}, {"h"});
  gemm("x", "first", {2, 1}, {1, 0}, {0});
  builder.node("Sub", {"first", "h"}, {"y"});
  expect_pair(contributions(DeepLiftRule::kRescale, {5, 4}), {0, 4});
  expect_pair(contributions(DeepLiftRule::kRevealCancel, {5, 4}), {2, 2});
  expect_pair(contributions(DeepLiftRule::kGenomics, {5, 4}), {2, 2});
  expect_pair(contributions(DeepLiftRule::kRevealCancel, {4, 5}), {2, 2});
  // The gradient rule sees i2 alone, and so does Rescale; linear takes the ReLU away: y = i1 - (i1 - i2) = i2.
  expect_pair(contributions(DeepLiftRule::kGradient, {5, 4}), {0, 4});
  expect_pair(contributions(DeepLiftRule::kLinear, {4, 5}), {0, 5});
}

// The same with a difference of two tensors, a factor and a movement before the nonlinearity: -2 (i2 - i1) / 2.
TEST_F(Toy, MinimumBehindFactorsAndMovements) {
  builder.integers("zero", {1}, {0})
      .integers("one", {1}, {1})
      .integers("two", {1}, {2})
      .integers("shape", {2}, {1, -1});
  builder.floats("minus_two", {}, {-2}).floats("half", {1, 1}, {0.5});
  builder.node("Slice", {"x", "zero", "one", "one"}, {"i1"});
  builder.node("Slice", {"x", "one", "two", "one"}, {"i2"});
  builder.node("Sub", {"i2", "i1"}, {"difference"});
  builder.node("Mul", {"difference", "minus_two"}, {"scaled"});
  builder.node("Transpose", {"scaled"}, {"moved"}).with("perm", std::vector<std::int64_t>{1, 0});
  builder.node("Reshape", {"moved", "shape"}, {"z"});
  builder.node("Relu", {"z"}, {"h"});
  builder.node("Mul", {"h", "half"}, {"halved"});
  builder.node("Sub", {"i1", "halved"}, {"y"});
  expect_pair(contributions(DeepLiftRule::kRescale, {5, 4}), {0, 4});
  expect_pair(contributions(DeepLiftRule::kRevealCancel, {5, 4}), {2, 2});
  // Sub is no matrix product.
  expect_pair(contributions(DeepLiftRule::kGenomics, {5, 4}), {0, 4});
}

// ONNX Min averages over the orders of its inputs, which is RevealCancel's result without it.
TEST_F(Toy, MinimumAsOneOperator) {
  builder.integers("zero", {1}, {0}).integers("one", {1}, {1}).integers("two", {1}, {2});
  builder.node("Slice", {"x", "zero", "one", "one"}, {"i1"});
  builder.node("Slice", {"x", "one", "two", "one"}, {"i2"});
  builder.node("Min", {"i1", "i2"}, {"y"});
  expect_pair(contributions(DeepLiftRule::kRescale, {5, 4}), {2, 2});
}

// The worked examples of docs/deeplift.md.
TEST_F(Toy, MaximumWithTwoWinners) {
  builder.node("ReduceMax", {"x"}, {"y"}).with("axes", std::vector<std::int64_t>{1});
  expect_pair(contributions(DeepLiftRule::kRescale, {3, 1}, {0, 2}), {1.5, -0.5});
  expect_pair(contributions(DeepLiftRule::kGradient, {3, 1}, {0, 2}), {3, 0});
}

TEST_F(Toy, SoftmaxSharesItsDenominator) {
  builder.integers("zero", {1}, {0}).integers("one", {1}, {1});
  builder.node("Softmax", {"x"}, {"p"}).with("axis", std::int64_t{1});
  builder.node("Slice", {"p", "zero", "one", "one"}, {"y"});
  const double change = 1 / (1 + std::exp(-1.0)) - 0.5;
  const Pair c = contributions(DeepLiftRule::kRescale, {2, 1});
  EXPECT_NEAR(c[0] + c[1], change, 1e-14);
  EXPECT_NEAR(c[0], 0.4399, 5e-5);
  EXPECT_NEAR(c[1], -0.2088, 5e-5);
}

// Figure 1: y = 1 - max(0, 1 - (i1 + i2)) is saturated at (1, 1), where its gradient is 0.
TEST_F(Toy, SaturationStillHasContributions) {
  gemm("x", "z", {2, 1}, {-1, -1}, {1});
  builder.node("Relu", {"z"}, {"h"});
  gemm("h", "y", {1, 1}, {-1}, {1});
  expect_pair(contributions(DeepLiftRule::kGradient, {1, 1}), {0, 0});
  expect_pair(contributions(DeepLiftRule::kRescale, {1, 1}), {0.5, 0.5});
  expect_pair(contributions(DeepLiftRule::kRevealCancel, {1, 1}), {0.5, 0.5});
}

// Figure 2: y = max(0, x - 10): gradient * x jumps from 0 to 10 at x = 10, the contribution does not.
TEST_F(Toy, ThresholdHasNoJump) {
  gemm("x", "z", {2, 1}, {1, 0}, {-10});
  builder.node("Relu", {"z"}, {"y"});
  for (const float step : {-0.25F, 0.0F, 0.0625F, 0.25F, 2.0F}) {
    for (const DeepLiftRule rule : {DeepLiftRule::kRescale, DeepLiftRule::kRevealCancel}) {
      const Pair c = contributions(rule, {10 + step, 3});
      EXPECT_NEAR(c[0], std::max(0.0, double{step}), 1e-14) << step;
      EXPECT_EQ(c[1], 0) << step;
    }
  }
}

}  // namespace
}  // namespace mho
