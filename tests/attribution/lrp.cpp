// LRP: golden relevance of formulas that Captum agrees with, conservation, and the identities of its rules.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "support/differences.h"
#include "support/golden.h"
#include "support/onnx_builder.h"
#include "support/random_network.h"
#include "support/random_operators.h"

namespace mho {
namespace {

using testing::relative_difference;

const LrpRule kZero{LrpRuleKind::kEpsilon, 0};
const LrpRule kGamma{LrpRuleKind::kGamma, 0.25};
const LrpRule kAlphaBeta{LrpRuleKind::kAlphaBeta, 2};

/// The rules of tests/golden/make_lrp.py.
std::vector<std::pair<std::string, std::vector<LrpRuleChoice>>> golden_rules() {
  return {{"epsilon", {}},
          {"epsilon_large", {{"*", {LrpRuleKind::kEpsilon, 0.25}}}},
          {"gamma", {{"*", kGamma}}},
          {"alpha1_beta0", {{"*", {LrpRuleKind::kAlphaBeta, 1}}}},
          {"alpha2_beta1", {{"*", kAlphaBeta}}},
          {"mixed", {{"*", {LrpRuleKind::kEpsilon, 0.1}}, {"Conv", {LrpRuleKind::kGamma, 0.5}}}}};
}

Model parse(const std::string& bytes, Precision precision = Precision::kDouble) {
  return Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = precision});
}

Result relevance(const Model& model, const Inputs& inputs, std::vector<std::string> layers, const LrpRule& rule,
                 const Target& target = ArgmaxTarget{}) {
  Request request;
  request.method = Method::kLrp;
  request.layers = std::move(layers);
  request.lrp_rules = {{"*", rule}};
  request.target = target;
  return attribute(model, inputs, request);
}

double sum_of(const LayerResult& layer, std::size_t example, bool magnitudes = false) {
  const std::int64_t size = layer.values.size() / layer.values.shape()[0];
  double sum = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const double v = layer.values.at(static_cast<std::int64_t>(example) * size + i);
    sum += magnitudes ? std::abs(v) : v;
  }
  return sum;
}

class LrpGolden : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Networks, LrpGolden, ::testing::Values("lrp_cnn", "lrp_no_bias"));

TEST_P(LrpGolden, EveryRuleAtEveryLayer) {
  const testing::GoldenNetwork golden = testing::load_golden(GetParam());
  Request request;
  request.method = Method::kLrp;
  request.layers = {"*"};
  IndexTarget target;
  for (const std::int64_t index : golden.values.at("target").as<std::int64_t>()) target.indices.push_back({index});
  request.target = target;
  for (const auto& [precision, tolerance] :
       {std::pair{Precision::kDouble, 1e-11}, std::pair{Precision::kSingle, 2e-5}}) {
    const Model model = Model::load(golden.model, {.precision = precision});
    for (const auto& [name, rules] : golden_rules()) {
      request.lrp_rules = rules;
      const Result result = attribute(model, golden.group("input"), request);
      const auto tensors =
          std::ranges::count_if(golden.values, [&](const auto& entry) { return entry.first.starts_with(name + "/"); });
      ASSERT_EQ(std::ssize(result.layers), tensors);
      for (const LayerResult& layer : result.layers) {
        const Array& expected = golden.values.at(name + "/" + layer.name);
        EXPECT_LE(relative_difference(expected, layer.values), tolerance) << name << " " << layer.name;
        const auto captum = golden.values.find("captum_" + name + "/" + layer.name);
        if (captum != golden.values.end()) {
          // Captum adds its stabiliser to average pooling in another way.
          EXPECT_LE(relative_difference(captum->second, layer.values), std::max(tolerance, 1e-7)) << name;
        }
      }
    }
  }
}

// Nothing absorbs: no biases, no epsilon.
TEST(Lrp, ConservesRelevanceWithoutBiases) {
  const testing::GoldenNetwork golden = testing::load_golden("lrp_no_bias");
  const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
  for (const LrpRule& rule : {kZero, LrpRule{}, kGamma, kAlphaBeta}) {
    const Result result = relevance(model, golden.group("input"), {"*"}, rule);
    for (const LayerResult& layer : result.layers) {
      for (std::size_t n = 0; n < result.f_input.size(); ++n) {
        const double exact = rule.kind == LrpRuleKind::kEpsilon && rule.parameter == 0 ? 1e-12 : 1e-6;
        EXPECT_NEAR(sum_of(layer, n), result.f_input[n], exact * sum_of(layer, n, true))
            << to_string(rule) << " " << layer.name;
      }
    }
  }
}

TEST(Lrp, ConservesRelevanceInRandomNetworksWithoutBiases) {
  for (const testing::NetworkKind kind :
       {testing::NetworkKind::kReluMlp, testing::NetworkKind::kSmoothMlp, testing::NetworkKind::kCnn}) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const testing::RandomNetwork network = testing::RandomNetworkMaker(kind, seed).without_biases().make();
      const Inputs inputs = {{"x", testing::random_inputs(network.input, 3, seed)}};
      for (const LrpRule& rule : {kZero, kGamma}) {
        const Result result = relevance(parse(network.bytes), inputs, {}, rule);
        for (const LayerResult& layer : result.layers) {
          ASSERT_TRUE(layer.cut);
          for (std::size_t n = 0; n < result.f_input.size(); ++n) {
            const double exact = rule.kind == LrpRuleKind::kEpsilon ? 1e-11 : 1e-6;
            EXPECT_NEAR(sum_of(layer, n), result.f_input[n], exact * sum_of(layer, n, true))
                << "seed " << seed << ' ' << to_string(rule) << ' ' << layer.name;
          }
        }
      }
    }
  }
}

// LRP-0 of what ReLU, pooling and sums are made of, with biases or not.
TEST(Lrp, ZeroIsGradientTimesActivation) {
  for (const char* name : {"plain_cnn", "residual_reused_relu", "branches", "conv1d"}) {
    const testing::GoldenNetwork golden = testing::load_golden(name);
    const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
    Request request = golden.request(Method::kGradientXActivation);
    request.layers = {"*"};
    const Result expected = attribute(model, golden.group("input"), request);
    request.method = Method::kLrp;
    request.lrp_rules = {{"*", kZero}};
    const Result result = attribute(model, golden.group("input"), request);
    ASSERT_EQ(result.layers.size(), expected.layers.size());
    for (std::size_t l = 0; l < result.layers.size(); ++l) {
      EXPECT_LE(relative_difference(expected.layers[l].values, result.layers[l].values), 1e-12)
          << name << " " << result.layers[l].name;
    }
  }
}

TEST(Lrp, VanishingGammaIsEpsilonAndLargeAlphaBetaIsNot) {
  const testing::GoldenNetwork golden = testing::load_golden("branches");
  const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
  const auto at_input = [&](const LrpRule& rule) {
    return relevance(model, golden.group("input"), {"x"}, rule).layers[0].values;
  };
  const Array epsilon = at_input({});
  EXPECT_LE(relative_difference(epsilon, at_input({LrpRuleKind::kGamma, 0})), 1e-10);
  EXPECT_LE(relative_difference(epsilon, at_input({LrpRuleKind::kGamma, 1e-7})), 1e-4);
  EXPECT_GT(relative_difference(epsilon, at_input(kGamma)), 1e-2);
  EXPECT_GT(relative_difference(epsilon, at_input(kAlphaBeta)), 1e-2);
}

TEST(Lrp, ActivationsPassRelevanceUnchanged) {
  const testing::GoldenNetwork golden = testing::load_golden("smooth_mlp");
  const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
  const Result result = relevance(model, golden.group("input"), {"fc1", "tanh1", "fc2", "gelu2"}, {});
  EXPECT_LE(relative_difference(result.layers[1].values, result.layers[0].values), 1e-12);
  EXPECT_LE(relative_difference(result.layers[3].values, result.layers[2].values), 1e-12);
}

// y = W x + b with W = (2, -1, 1), x = (1, 3, 2), b = -0.5: z = (2, -3, 2), y = 0.5.
TEST(Lrp, IsWhatTheFormulasSayByHand) {
  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}}).output("y", {std::string("N"), std::int64_t{1}});
  builder.floats("w", {3, 1}, {2, -1, 1}).floats("b", {1}, {-0.5});
  builder.node("Gemm", {"x", "w", "b"}, {"y"}).named("y");
  const Model model = parse(builder.serialized());
  const Inputs x = {{"x", Array({1, 3}, std::vector<float>{1, 3, 2})}};
  const auto expect = [&](const LrpRule& rule, const std::vector<double>& expected) {
    const Array values = relevance(model, x, {"x"}, rule).layers[0].values;
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(values.at(i), expected[static_cast<std::size_t>(i)], 1e-7) << to_string(rule) << " " << i;
    }
  };
  expect(kZero, {2, -3, 2});  // 1 = 0.5 + what the bias took: z_0 = -0.5
  expect({LrpRuleKind::kEpsilon, 0.5}, {1, -1.5, 1});
  // W + W+ = (4, -1, 2): d = 4 - 3 + 4 - 0.5.
  expect({LrpRuleKind::kGamma, 1}, {4 * 0.5 / 4.5, -3 * 0.5 / 4.5, 4 * 0.5 / 4.5});
  // P = 4, N = -3.5.
  expect({LrpRuleKind::kAlphaBeta, 1}, {0.25, 0, 0.25});
  expect(kAlphaBeta, {2 * 0.25, -0.5 * 3 / 3.5, 2 * 0.25});
}

TEST(Lrp, ResidualSumsSplitInProportion) {
  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{2}}).output("y", {std::string("N"), std::int64_t{1}});
  builder.floats("w", {2, 1}, {1, 1}).floats("three", {1}, {3});
  builder.node("Relu", {"x"}, {"a"}).named("a");
  builder.node("Mul", {"a", "three"}, {"c"}).named("c");
  builder.node("Add", {"a", "c"}, {"sum"}).named("sum");
  builder.node("MatMul", {"sum", "w"}, {"y"}).named("y");
  const Inputs x = {{"x", Array({1, 2}, std::vector<float>{2, 5})}};
  for (const LrpRule& rule : {kZero, LrpRule{}, kGamma, kAlphaBeta}) {
    const Result result = relevance(parse(builder.serialized()), x, {"c", "sum", "x"}, rule);
    const auto at = [&](const std::string& name, std::int64_t i) {
      for (const LayerResult& layer : result.layers) {
        if (layer.name == name) return layer.values.at(i);
      }
      return 0.0;
    };
    for (std::int64_t i = 0; i < 2; ++i) {
      const double whole = i == 0 ? 8 : 20;
      EXPECT_NEAR(at("sum", i), whole, 1e-7) << to_string(rule);
      EXPECT_NEAR(at("c", i), 0.75 * whole, 1e-7) << to_string(rule);
      EXPECT_NEAR(at("x", i), whole, 1e-7) << to_string(rule);
    }
  }
}

// Which layers are asked for, and how many examples at once, changes nothing: no pass folds what a rule looks at.
TEST(Lrp, IsTheSameForAnyLayersBatchesAndPasses) {
  for (const char* name : {"branches", "residual_reused_relu", "lrp_cnn"}) {
    const testing::GoldenNetwork golden = testing::load_golden(name);
    const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
    for (const LrpRule& rule : {LrpRule{LrpRuleKind::kEpsilon, 0.1}, kGamma, kAlphaBeta}) {
      Request request;
      request.method = Method::kLrp;
      request.lrp_rules = {{"*", rule}};
      request.layers = {"x"};
      const Array alone = attribute(model, golden.group("input"), request).layers[0].values;
      request.layers = {"*"};
      const Array with_all = attribute(model, golden.group("input"), request).layers[0].values;
      EXPECT_LE(relative_difference(alone, with_all), 1e-12) << name << " " << to_string(rule);
      request.micro_batch = 1;
      EXPECT_LE(relative_difference(alone, attribute(model, golden.group("input"), request).layers[0].values), 1e-12);
      request.optimize = false;
      EXPECT_LE(relative_difference(alone, attribute(model, golden.group("input"), request).layers[0].values), 1e-12);
      const Model single = Model::load(golden.model);
      EXPECT_LE(relative_difference(alone, attribute(single, golden.group("input"), request).layers[0].values), 2e-4);
    }
  }
}

std::string message(const Model& model, const Inputs& inputs, const Request& request) {
  try {
    static_cast<void>(attribute(model, inputs, request));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Lrp, NodesWithoutARuleAreNamed) {
  const testing::GoldenNetwork golden = testing::load_golden("two_inputs");
  const Model model = Model::load(golden.model);
  Request request = golden.request(Method::kLrp);
  request.layers = {"a"};
  const std::string product = message(model, golden.group("input"), request);
  EXPECT_NE(product.find("'gate' (Mul)"), std::string::npos) << product;
  request.layers = {"join"};
  EXPECT_EQ(message(model, golden.group("input"), request), "");

  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}}).output("y", {std::string("N"), std::int64_t{3}});
  builder.floats("w", {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  builder.node("Softmax", {"x"}, {"p"}).named("inside");
  builder.node("MatMul", {"p", "w"}, {"y"}).named("y");
  request = {};
  request.method = Method::kLrp;
  request.layers = {"x"};
  const std::string softmax =
      message(parse(builder.serialized()), {{"x", Array({1, 3}, std::vector<float>{1, 2, 3})}}, request);
  EXPECT_NE(softmax.find("'inside' (Softmax)"), std::string::npos) << softmax;
}

// Whatever is in a network: numbers, gamma 0 the same as epsilon, or an error that names the node.
TEST(Lrp, RandomOperatorsHaveRelevanceOrAreNamed) {
  std::set<std::string> operators;
  int runs = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    const testing::OperatorNetwork network = testing::OperatorNetworkMaker(seed).make();
    const Model model = parse(network.bytes);
    Inputs inputs;
    for (const std::string& name : network.inputs) inputs.emplace(name, testing::random_inputs({6}, 2, seed));
    try {
      const Result epsilon = relevance(model, inputs, {"*"}, {});
      const Result gamma = relevance(model, inputs, {"*"}, {LrpRuleKind::kGamma, 0});
      static_cast<void>(relevance(model, inputs, {"*"}, kAlphaBeta));
      for (std::size_t l = 0; l < epsilon.layers.size(); ++l) {
        EXPECT_LE(relative_difference(epsilon.layers[l].values, gamma.layers[l].values), 1e-9)
            << "seed " << seed << ' ' << epsilon.layers[l].name;
      }
      operators.insert(network.operators.begin(), network.operators.end());
      ++runs;
    } catch (const Error& error) {
      if (error.code() == Code::kNotFound) continue;  // no gradient reaches any layer
      EXPECT_EQ(error.code(), Code::kUnsupported) << "seed " << seed << ": " << error.what();
      EXPECT_TRUE(std::string(error.what()).starts_with("node '")) << error.what();
    }
  }
  EXPECT_GE(runs, 20) << operators.size() << " operators";
  EXPECT_GE(operators.size(), 30U) << runs << " runs";
}

TEST(Lrp, WrongRulesAreRefused) {
  const testing::GoldenNetwork golden = testing::load_golden("lrp_cnn");
  const Model model = Model::load(golden.model);
  Request request;
  request.method = Method::kLrp;
  request.lrp_rules = {{"Relu", kGamma}};
  const std::string unknown = message(model, golden.group("input"), request);
  EXPECT_NE(unknown.find("'Relu'"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("Conv"), std::string::npos) << unknown;
  for (const LrpRule& rule : {LrpRule{LrpRuleKind::kEpsilon, -1}, LrpRule{LrpRuleKind::kGamma, -0.5},
                              LrpRule{LrpRuleKind::kAlphaBeta, 0.5}, LrpRule{LrpRuleKind::kGamma, std::nan("")}}) {
    request.lrp_rules = {{"*", rule}};
    EXPECT_NE(message(model, golden.group("input"), request).find("parameter"), std::string::npos);
  }
  request.lrp_rules = {{"*", kGamma}};
  request.method = Method::kNig;
  EXPECT_NE(message(model, golden.group("input"), request).find("only lrp"), std::string::npos);
}

TEST(Lrp, RulesHaveNames) {
  EXPECT_EQ(to_string(LrpRule{}), "epsilon:1e-09");
  EXPECT_EQ(to_string(kGamma), "gamma:0.25");
  const auto rule = parse_lrp_rule("alphabeta:1.5");
  ASSERT_TRUE(rule);
  EXPECT_EQ(rule->kind, LrpRuleKind::kAlphaBeta);
  EXPECT_EQ(rule->parameter, 1.5);
  EXPECT_EQ(parse_lrp_rule("gamma")->parameter, 0.25);
  for (const char* wrong : {"", "delta", "gamma:", "gamma:x", "gamma:1x", "epsilon:1:2"}) {
    EXPECT_FALSE(parse_lrp_rule(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace mho
