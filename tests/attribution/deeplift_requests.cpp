// What a DeepLIFT request may ask for: sets of references, rules per node, multipliers, any batching.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>

#include "support/differences.h"
#include "support/golden.h"
#include "support/onnx_builder.h"

namespace mho {
namespace {

using testing::relative_difference;

/// Examples first..last of an array.
Array part(const Array& all, std::int64_t first, std::int64_t count) {
  Shape shape = all.shape();
  const std::int64_t size = all.size() / shape[0];
  shape[0] = count;
  std::vector<float> values;
  for (std::int64_t i = first * size; i < (first + count) * size; ++i) values.push_back(static_cast<float>(all.at(i)));
  return {shape, values};
}

class DeepLiftRequests : public ::testing::TestWithParam<std::string> {
 protected:
  DeepLiftRequests() {
    request = golden.request(Method::kDeepLift);
    request.layers.push_back("x");
  }
  Result run(std::int64_t micro_batch = 0) {
    request.micro_batch = micro_batch;
    return attribute(model, inputs, request);
  }
  static void expect_equal(const Result& a, const Result& b, double tolerance) {
    ASSERT_EQ(a.layers.size(), b.layers.size());
    for (std::size_t l = 0; l < a.layers.size(); ++l) {
      EXPECT_LE(relative_difference(a.layers[l].values, b.layers[l].values), tolerance) << a.layers[l].name;
    }
  }

  testing::GoldenNetwork golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model);
  Inputs inputs = golden.group("input");
  Request request;
};

INSTANTIATE_TEST_SUITE_P(Networks, DeepLiftRequests,
                         ::testing::Values("plain_cnn", "residual_reused_relu", "smooth_mlp", "branches", "conv1d"));

TEST_P(DeepLiftRequests, MicroBatchesAndThreadsGiveTheSame) {
  for (const DeepLiftRule rule : {DeepLiftRule::kRescale, DeepLiftRule::kRevealCancel}) {
    request.rules = {{"*", rule}};
    const Result one = run(1);
    for (const std::int64_t batch : {2, 3, 8}) expect_equal(one, run(batch), 1e-6);
    expect_equal(one, attribute(Model::load(golden.model, {.threads = 1}), inputs, request), 1e-6);
    expect_equal(one, attribute(Model::load(golden.model, {.threads = 2}), inputs, request), 1e-6);
    request.optimize = false;
    expect_equal(one, run(), 2e-5);
    request.optimize = true;
  }
}

TEST_P(DeepLiftRequests, OneReferenceForAllIsOneReferenceForEach) {
  const Result shared = run();
  const Array& one = golden.values.at("baseline/x");
  std::vector<float> each;
  for (std::int64_t n = 0; n < inputs.at("x").shape()[0]; ++n) {
    for (std::int64_t i = 0; i < one.size(); ++i) each.push_back(static_cast<float>(one.at(i)));
  }
  request.baseline = Inputs{{"x", Array(inputs.at("x").shape(), each)}};
  for (const std::int64_t batch : {1, 2, 3}) expect_equal(shared, run(batch), 1e-6);
}

// DeepSHAP: the mean over the references of what each alone gives.
TEST_P(DeepLiftRequests, ReferenceSetsAreAveraged) {
  const Array references = part(inputs.at("x"), 0, 3);
  request.baseline = ReferenceSet{{{"x", references}}};
  for (const std::int64_t batch : {1, 2}) {
    const Result set = run(batch);
    std::vector<Result> alone;
    const Request saved = request;
    for (std::int64_t r = 0; r < 3; ++r) {
      request.baseline = Inputs{{"x", part(references, r, 1)}};
      alone.push_back(run());
    }
    request = saved;
    for (std::size_t l = 0; l < set.layers.size(); ++l) {
      const Array& values = set.layers[l].values;
      double norm = 0, difference = 0;
      for (std::int64_t i = 0; i < values.size(); ++i) {
        double mean = 0;
        for (const Result& result : alone) mean += result.layers[l].values.at(i) / 3;
        norm += std::abs(mean);
        difference += std::abs(mean - values.at(i));
      }
      EXPECT_LE(difference, 1e-6 * norm) << set.layers[l].name;
    }
    EXPECT_EQ(set.metadata.at("references"), "3");
    for (const LayerResult& layer : set.layers) {
      if (!layer.cut) continue;
      for (std::size_t n = 0; n < set.f_input.size(); ++n) {
        EXPECT_NEAR(layer.residual.at(n), 0, 1e-4 * (std::abs(set.f_input[n]) + std::abs(set.f_baseline[n])));
      }
    }
  }
}

TEST_P(DeepLiftRequests, MultipliersTimesDifferencesAreContributions) {
  request.layers = {"x"};
  const Result contributions = run();
  request.multipliers = true;
  const Result multipliers = run();
  const Array& x = inputs.at("x");
  const Array& reference = golden.values.at("baseline/x");
  for (std::int64_t i = 0; i < x.size(); ++i) {
    EXPECT_NEAR(contributions.layers[0].values.at(i),
                multipliers.layers[0].values.at(i) * (x.at(i) - reference.at(i % reference.size())), 1e-6);
  }
  EXPECT_TRUE(multipliers.layers[0].residual.empty());
  EXPECT_EQ(multipliers.metadata.at("values"), "multipliers");
}

TEST(DeepLiftRules, AreChosenByNameGlobAndType) {
  const testing::GoldenNetwork golden = testing::load_golden("deeplift_cnn");
  const Model model = Model::load(golden.model);
  const auto run = [&](const std::vector<RuleChoice>& rules) {
    Request request = golden.request(Method::kDeepLift);
    request.layers = {"x"};
    request.rules = rules;
    return attribute(model, golden.group("input"), request).layers[0].values;
  };
  const Array rescale = run({});
  const Array reveal = run({{"*", DeepLiftRule::kRevealCancel}});
  EXPECT_GT(relative_difference(rescale, reveal), 0.01);
  // t1 and t7 are ReLUs, t4 a tanh; t7 alone follows a matrix product.
  EXPECT_LE(
      relative_difference(reveal, run({{"Relu", DeepLiftRule::kRevealCancel}, {"Tanh", DeepLiftRule::kRevealCancel}})),
      1e-6);
  EXPECT_LE(relative_difference(run({{"*", DeepLiftRule::kGenomics}}), run({{"t7", DeepLiftRule::kRevealCancel}})),
            1e-6);
  EXPECT_LE(relative_difference(rescale, run({{"*", DeepLiftRule::kRevealCancel}, {"t?", DeepLiftRule::kRescale}})),
            1e-6);
  EXPECT_GT(relative_difference(rescale, run({{"Relu", DeepLiftRule::kLinear}})), 0.01);
  EXPECT_GT(relative_difference(rescale, run({{"t4", DeepLiftRule::kGradient}})), 1e-4);
}

TEST(DeepLiftRules, WrongChoicesAreRefused) {
  const testing::GoldenNetwork golden = testing::load_golden("deeplift_cnn");
  const Model model = Model::load(golden.model);
  const auto message = [&](const Request& request) -> std::string {
    try {
      static_cast<void>(attribute(model, golden.group("input"), request));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  Request request = golden.request(Method::kDeepLift);
  request.layers = {"x"};
  request.rules = {{"Sigmoid", DeepLiftRule::kGradient}};
  EXPECT_NE(message(request).find("'Sigmoid'"), std::string::npos) << message(request);
  EXPECT_NE(message(request).find("Relu"), std::string::npos) << message(request);
  request.rules = {{"Conv", DeepLiftRule::kLinear}};
  EXPECT_NE(message(request).find("not linear"), std::string::npos) << message(request);
  request.method = Method::kNig;
  EXPECT_NE(message(request).find("only deeplift"), std::string::npos) << message(request);
}

// Rule linear has no meaning where shapes differ.
TEST(DeepLiftRules, LinearIsRefusedForPooling) {
  const testing::GoldenNetwork golden = testing::load_golden("conv1d");
  Request request = golden.request(Method::kDeepLift);
  request.layers = {"x"};
  request.rules = {{"MaxPool", DeepLiftRule::kLinear}};
  EXPECT_THROW(static_cast<void>(attribute(Model::load(golden.model), golden.group("input"), request)), Error);
}

// Token ids move like any other input where only DeepLIFT follows them: through comparisons and casts.
TEST(DeepLiftRules, ComparisonsAndCastsPassMultipliers) {
  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}}).output("y", {std::string("N"), std::int64_t{1}});
  builder.floats("threshold", {}, {0.5}).floats("w", {3, 1}, {1, 10, 100});
  builder.node("Greater", {"x", "threshold"}, {"above"});
  builder.node("Cast", {"above"}, {"step"}).with("to", std::int64_t{::onnx::TensorProto::FLOAT});
  builder.node("MatMul", {"step", "w"}, {"y"});
  const std::string bytes = builder.serialized();
  const Model model = Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble});
  Request request;
  request.method = Method::kDeepLift;
  request.layers = {"x"};
  const Inputs x = {{"x", Array({1, 3}, std::vector<float>{1, 0.25, 2})}};
  try {
    const Result result = attribute(model, x, request);
    EXPECT_EQ(result.layers[0].values.at(0), 1);
    EXPECT_EQ(result.layers[0].values.at(1), 0);
    EXPECT_EQ(result.layers[0].values.at(2), 100);
  } catch (const Error& error) {
    ADD_FAILURE() << error.what();
  }
}

}  // namespace
}  // namespace mho
