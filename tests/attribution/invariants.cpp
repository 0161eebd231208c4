// MATHS.md section 1: completeness, the ends of the network, affine networks, conductance as the sum over inputs.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/golden.h"
#include "support/sanitized.h"

namespace mho {
namespace {

using testing::GoldenNetwork;

double l1(const Array& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) sum += std::abs(a.at(i));
  return sum;
}

double l1_difference(const Array& a, const Array& b) {
  EXPECT_EQ(a.shape(), b.shape());
  double sum = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) sum += std::abs(a.at(i) - b.at(i));
  return sum;
}

class Invariants : public ::testing::TestWithParam<std::string> {
 protected:
  Invariants()
      : network(testing::load_golden(GetParam())),
        model(Model::load(network.model, {.precision = Precision::kDouble})),
        inputs(network.group("input")) {}
  GoldenNetwork network;
  Model model;
  Inputs inputs;
};

TEST_P(Invariants, NigAtTheInputsIsIntegratedGradients) {
  Request ig = network.request(Method::kIg);
  const Result a = attribute(model, inputs, ig);
  Request nig = network.request(Method::kNig);
  nig.layers.clear();
  for (const LayerResult& layer : a.layers) nig.layers.push_back(layer.name);
  const Result b = attribute(model, inputs, nig);
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (std::size_t l = 0; l < a.layers.size(); ++l) EXPECT_EQ(l1_difference(a.layers[l].values, b.layers[l].values), 0);
}

TEST_P(Invariants, NigAtTheTargetIsTheDifferenceOfF) {
  Request request = network.request(Method::kNig);
  request.layers = {network.target};
  const Result result = attribute(model, inputs, request);
  const Array& values = result.layers[0].values;
  const std::int64_t size = values.size() / values.shape()[0];
  for (std::int64_t n = 0; n < values.shape()[0]; ++n) {
    const auto e = static_cast<std::size_t>(n);
    const double delta = result.f_input[e] - result.f_baseline[e];
    EXPECT_EQ(result.steps[e], 1) << "the target is affine in itself";
    for (std::int64_t i = 0; i < size; ++i) {
      EXPECT_NEAR(values.at(n * size + i), i == result.target[e] ? delta : 0, 1e-12 * (1 + std::abs(delta)));
    }
  }
}

// The segments where y is affine make both sums the same: layers that are affine in the input have one everywhere.
TEST_P(Invariants, ConductanceSumsToNigExactlyWhereTheLayerIsAffineInTheInput) {
  if (testing::kSanitized) GTEST_SKIP() << testing::kTooLong;
  const Inspection facts = model.inspect();
  int compared = 0;
  for (const Layer& layer : facts.layers) {
    if (!layer.affine_from_input || layer.op == "Input") continue;
    for (const Quadrature rule : {Quadrature::kTrapezoid, Quadrature::kLeft, Quadrature::kMidpoint}) {
      Request request = network.request(Method::kNig);
      request.layers = {layer.name};
      request.quadrature = rule;
      request.steps = 16;
      const Result nig = attribute(model, inputs, request);
      request.method = Method::kConductance;
      const Result conductance = attribute(model, inputs, request);
      const double norm = l1(nig.layers[0].values);
      EXPECT_LE(l1_difference(nig.layers[0].values, conductance.layers[0].values), 1e-12 * norm) << layer.name;
      request.split_by_input = true;
      const Result by_input = attribute(model, inputs, request);
      const Array& split = by_input.layers[0].values;
      const std::int64_t parts = split.shape()[2];
      for (std::int64_t j = 0; j < nig.layers[0].values.size(); ++j) {
        double sum = 0;
        for (std::int64_t i = 0; i < parts; ++i) sum += split.at(j * parts + i);
        EXPECT_NEAR(sum, nig.layers[0].values.at(j), 1e-12 * norm) << layer.name;
      }
      ++compared;
    }
  }
  if (compared == 0) GTEST_SKIP() << "no layer is affine in the input";
}

TEST_P(Invariants, DifferenceTargetsAreLinear) {
  Request request = network.request(Method::kNig);
  request.quadrature = Quadrature::kTrapezoid;
  request.steps = 16;
  request.target = IndexTarget{{{0}}};
  const std::int64_t outputs = element_count(model.run(inputs).begin()->second.shape()) / static_cast<std::int64_t>(3);
  if (outputs < 2) GTEST_SKIP() << "one output";
  const Result first = attribute(model, inputs, request);
  request.target = IndexTarget{{{1}}};
  const Result second = attribute(model, inputs, request);
  request.target = DifferenceTarget{{0}, {1}};
  const Result both = attribute(model, inputs, request);
  for (std::size_t l = 0; l < both.layers.size(); ++l) {
    const Array &a = first.layers[l].values, &b = second.layers[l].values, &c = both.layers[l].values;
    for (std::int64_t i = 0; i < c.size(); ++i) EXPECT_NEAR(c.at(i), a.at(i) - b.at(i), 1e-12 * (l1(a) + l1(b)));
  }
}

TEST_P(Invariants, NothingMovesWhenTheBaselineIsTheInput) {
  Request request = network.request(Method::kNig);
  request.baseline = inputs;
  const Result result = attribute(model, inputs, request);
  for (const LayerResult& layer : result.layers) EXPECT_EQ(l1(layer.values), 0) << layer.name;
}

INSTANTIATE_TEST_SUITE_P(Networks, Invariants, ::testing::ValuesIn(testing::golden_names()),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

}  // namespace
}  // namespace mho
