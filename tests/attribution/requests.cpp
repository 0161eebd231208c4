// Requests that make no sense are refused with a message that names the thing and the way out; others are honoured.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/golden.h"

namespace mho {
namespace {

class Requests : public ::testing::Test {
 protected:
  Requests()
      : network(testing::load_golden("residual_reused_relu")),
        model(Model::load(network.model)),
        inputs(network.group("input")),
        request(network.request(Method::kNig)) {}

  void expect_refused(Code code, const std::string& part) const {
    try {
      static_cast<void>(attribute(model, inputs, request));
      FAIL() << "no error that says '" << part << "'";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  testing::GoldenNetwork network;
  Model model;
  Inputs inputs;
  Request request;
};

TEST_F(Requests, UnknownLayersAreAnsweredWithTheNearestNames) {
  request.layers = {"rleu2"};
  expect_refused(Code::kNotFound, "relu2");
}

TEST_F(Requests, GlobsChooseLayers) {
  request.layers = {"relu*"};
  const Result result = attribute(model, inputs, request);
  ASSERT_GE(result.layers.size(), 2U);
  for (const LayerResult& layer : result.layers) EXPECT_TRUE(layer.name.starts_with("relu")) << layer.name;
}

TEST_F(Requests, AnInputMustHaveTheDeclaredShape) {
  inputs.begin()->second = Array(DType::f32, {3, 99});
  expect_refused(Code::kInvalidArgument, "[3, 99]");
}

TEST_F(Requests, AMissingInputIsNamed) {
  const std::string name = inputs.begin()->first;
  inputs.clear();
  expect_refused(Code::kInvalidArgument, "'" + name + "'");
}

TEST_F(Requests, NaNInTheInputIsRefused) {
  inputs.begin()->second.as<float>()[5] = std::numeric_limits<float>::quiet_NaN();
  expect_refused(Code::kNumeric, "element 5");
}

TEST_F(Requests, NaNInTheBaselineIsRefused) {
  Inputs baseline = network.group("baseline");
  baseline.begin()->second.as<float>()[1] = std::numeric_limits<float>::infinity();
  request.baseline = baseline;
  expect_refused(Code::kNumeric, "element 1");
}

TEST_F(Requests, OverflowInsideTheNetworkIsRefusedWithTheTensor) {
  for (float& v : inputs.begin()->second.as<float>()) v = 3e38F;
  expect_refused(Code::kNumeric, "tensor 'conv1' of Conv node 'conv1'");
}

TEST_F(Requests, TargetsOutOfRangeAreRefused) {
  request.target = IndexTarget{{{1000}}};
  expect_refused(Code::kInvalidArgument, "out of range");
}

TEST_F(Requests, NegativeTargetsCountFromTheEnd) {
  request.target = IndexTarget{{{-1}}};
  const Result last = attribute(model, inputs, request);
  request.target = IndexTarget{{{last.target[0]}}};
  EXPECT_EQ(attribute(model, inputs, request).f_input, last.f_input);
}

TEST_F(Requests, FixedRulesNeedSteps) {
  request.quadrature = Quadrature::kLeft;
  expect_refused(Code::kInvalidArgument, "number of steps");
}

TEST_F(Requests, StepsWithoutARuleAreThoseOfTheRuleThatMhoChooses) {
  request.steps = 20;
  const Result result = attribute(model, inputs, request);
  for (const std::int64_t steps : result.steps) EXPECT_EQ(steps, 20);
  EXPECT_TRUE(result.metadata.at("rule") == "secant" || result.metadata.at("rule") == "trapezoid");
}

TEST_F(Requests, TheToleranceMustBePositive) {
  for (const double tolerance : {0.0, -1.0, std::nan("")}) {
    request.tolerance = tolerance;
    expect_refused(Code::kInvalidArgument, "tolerance");
  }
}

TEST_F(Requests, OnlyConductanceIsSplitByInput) {
  request.split_by_input = true;
  expect_refused(Code::kInvalidArgument, "split");
}

TEST_F(Requests, OnlyConductanceIsComputedForSomeNeurons) {
  request.neurons = {0};
  expect_refused(Code::kInvalidArgument, "some neurons");
  request.method = Method::kConductance;
  request.layers = {"relu*"};
  expect_refused(Code::kInvalidArgument, "one layer");
  for (const std::int64_t neuron : {std::int64_t{-1}, std::int64_t{1} << 40}) {
    request.layers = {"relu2"};
    request.neurons = {0, neuron};
    expect_refused(Code::kInvalidArgument, "neuron " + std::to_string(neuron));
  }
}

TEST_F(Requests, ConductanceOfSomeNeuronsIsThatOfAll) {
  request.method = Method::kConductance;
  request.layers = {"relu2"};
  request.steps = 8;
  for (const bool split : {false, true}) {
    request.split_by_input = split;
    request.neurons.clear();
    const Array all = attribute(model, inputs, request).layers[0].values;
    request.neurons = {5, 0, 3, 5};
    const Result result = attribute(model, inputs, request);
    const Array& some = result.layers[0].values;
    EXPECT_TRUE(result.layers[0].residual.empty());
    const std::int64_t examples = all.shape()[0];
    const std::int64_t width = split ? all.shape()[2] : 1;
    const std::int64_t neurons = all.size() / examples / width;
    ASSERT_EQ(some.shape(), split ? (Shape{examples, 4, width}) : (Shape{examples, 4}));
    for (std::int64_t i = 0; i < some.size(); ++i) {
      const std::int64_t n = i / width / 4, k = i / width % 4;
      const std::int64_t j = request.neurons[static_cast<std::size_t>(k)];
      EXPECT_NEAR(some.at(i), all.at((n * neurons + j) * width + i % width), 1e-6 * (1 + std::abs(some.at(i))));
    }
  }
}

TEST_F(Requests, ConductanceSplitByInputIsItsMultipliersTimesTheDifference) {
  request.method = Method::kConductance;
  request.layers = {"relu2"};
  request.steps = 8;
  request.neurons = {1, 2};
  request.split_by_input = true;
  const Array values = attribute(model, inputs, request).layers[0].values;
  request.multipliers = true;
  const Array multipliers = attribute(model, inputs, request).layers[0].values;
  ASSERT_EQ(inputs.size(), 1U);
  const Array& x = inputs.begin()->second;
  const std::int64_t width = values.shape()[2];
  ASSERT_EQ(width, x.size() / x.shape()[0]);
  const auto* given = std::get_if<Inputs>(&request.baseline);
  for (std::int64_t i = 0; i < values.size(); ++i) {
    const std::int64_t at = i / width / 2 * width + i % width;
    const double from = given == nullptr ? std::get<double>(request.baseline)
                                         : given->begin()->second.at(at % given->begin()->second.size());
    EXPECT_NEAR(values.at(i), multipliers.at(i) * (x.at(at) - from), 1e-6 * (1 + std::abs(values.at(i))));
  }
  request.split_by_input = false;
  expect_refused(Code::kInvalidArgument, "multipliers");
}

TEST_F(Requests, AnUnknownOutputIsAnsweredWithTheOutputs) {
  request.output = "nothing";
  expect_refused(Code::kNotFound, network.target);
}

TEST_F(Requests, GivingUpAtMaxStepsIsSaid) {
  request.tolerance = 1e-9;
  request.max_steps = 16;
  const Result result = attribute(model, inputs, request);
  for (std::size_t n = 0; n < result.converged.size(); ++n) {
    EXPECT_FALSE(result.converged[n]);
    EXPECT_EQ(result.steps[n], 16);
  }
}

TEST_F(Requests, ProgressIsReportedAndCanCancel) {
  std::int64_t calls = 0;
  request.progress = [&](const Progress& progress) {
    EXPECT_EQ(progress.examples, progress.evaluations == 0 && progress.examples_done == 0 ? progress.examples : 3);
    ++calls;
    return true;
  };
  static_cast<void>(attribute(model, inputs, request));
  EXPECT_GT(calls, 0);
  request.progress = [](const Progress&) { return false; };
  expect_refused(Code::kCancelled, "cancelled");
}

TEST_F(Requests, MethodsAndRulesHaveNamesThatParse) {
  for (const Method method : {Method::kNig, Method::kConductance, Method::kIg, Method::kActivation, Method::kGradient,
                              Method::kGradientXActivation, Method::kInternalInfluence}) {
    EXPECT_EQ(parse_method(to_string(method)), method);
  }
  for (const Quadrature rule : {Quadrature::kAdaptive, Quadrature::kLeft, Quadrature::kRight, Quadrature::kTrapezoid,
                                Quadrature::kMidpoint, Quadrature::kGaussLegendre}) {
    EXPECT_EQ(parse_quadrature(to_string(rule)), rule);
  }
  EXPECT_FALSE(parse_method("captum"));
  EXPECT_FALSE(parse_quadrature(""));
}

TEST(FinalSoftmax, TheLogitIsAttributedUnlessTheProbabilityIsAskedFor) {
  const testing::GoldenNetwork network = testing::load_golden("conv1d");
  const Model model = Model::load(network.model);
  const Inputs inputs = network.group("input");
  Request request = network.request(Method::kNig);
  const Result logit = attribute(model, inputs, request);
  EXPECT_EQ(logit.target_tensor, "logit");
  EXPECT_NE(logit.target_note.find("Sigmoid"), std::string::npos);
  request.probability = true;
  const Result probability = attribute(model, inputs, request);
  EXPECT_TRUE(probability.target_note.empty());
  for (std::size_t n = 0; n < logit.f_input.size(); ++n) {
    EXPECT_NEAR(probability.f_input[n], 1 / (1 + std::exp(-logit.f_input[n])), 1e-6);
  }
}

TEST(MeanBaseline, IsTheMeanOfTheInputs) {
  const testing::GoldenNetwork network = testing::load_golden("smooth_mlp");
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  const Inputs inputs = network.group("input");
  const auto& [name, x] = *inputs.begin();
  const std::int64_t size = x.size() / x.shape()[0];
  std::vector<double> mean(static_cast<std::size_t>(size), 0.0);
  for (std::int64_t i = 0; i < x.size(); ++i) mean[static_cast<std::size_t>(i % size)] += x.at(i) / 3;
  Request request = network.request(Method::kNig);
  request.baseline = MeanBaseline{};
  const Result a = attribute(model, inputs, request);
  Shape one = x.shape();
  one[0] = 1;
  request.baseline = Inputs{{name, Array(one, mean)}};
  const Result b = attribute(model, inputs, request);
  for (std::size_t n = 0; n < 3; ++n) EXPECT_NEAR(a.f_baseline[n], b.f_baseline[n], 1e-12);
}

}  // namespace
}  // namespace mho
