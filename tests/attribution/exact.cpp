// Quadrature::kExact: breakpoints that miss none, sums that are complete to rounding, and refusals that say why.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

#include "attribution/evaluator.h"
#include "attribution/measures.h"
#include "engine/exact_line.h"
#include "engine/slots.h"
#include "support/differences.h"
#include "support/kinked_network.h"
#include "support/sanitized.h"

namespace mho {
namespace {

using kernels::Tensor;
using testing::RandomNetwork;
using testing::relative_difference;

Model double_model(const std::string& bytes) {
  return Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble});
}

/// The largest residual, relative to the sum of magnitudes.
double worst_residual(const Result& result) {
  double worst = 0;
  for (const LayerResult& layer : result.layers) {
    const std::int64_t examples = layer.values.shape()[0];
    const std::int64_t size = layer.values.size() / examples;
    for (std::size_t n = 0; n < layer.residual.size(); ++n) {
      double magnitude = std::abs(result.f_input[n]) + std::abs(result.f_baseline[n]);
      for (std::int64_t i = 0; i < size; ++i) {
        magnitude += std::abs(layer.values.at(static_cast<std::int64_t>(n) * size + i));
      }
      worst = std::max(worst, std::abs(layer.residual[n]) / magnitude);
    }
  }
  return worst;
}

Request exact_request() {
  Request request;
  request.quadrature = Quadrature::kExact;
  return request;
}

Request every_layer(const Model& model, Request request) {
  for (const Layer& layer : model.inspect().layers) request.layers.push_back(layer.name);
  return request;
}

/// One input x: h = (x - 1, 2 - x), r = relu(h), z = r1 - 3 r2, F = relu(z).
std::string by_hand() {
  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{1}});
  builder.floats("w", {1, 2}, {1, -1}).floats("b", {2}, {-1, 2}).floats("v", {2, 1}, {1, -3});
  builder.node("MatMul", {"x", "w"}, {"xw"});
  builder.node("Add", {"xw", "b"}, {"h"});
  builder.node("Relu", {"h"}, {"r"});
  builder.node("MatMul", {"r", "v"}, {"z"});
  builder.node("Relu", {"z"}, {"f"});
  builder.output("f", {std::string("N"), std::int64_t{1}});
  return builder.serialized();
}

// From x' = 0 to x = 4 the kinks are at x = 1, 7/4 (z = 4x - 7) and 2. F is 0, then 4x - 7, then x - 1.
TEST(Exact, ByHand) {
  const Model model = double_model(by_hand());
  const Inputs inputs{{"x", Array(Shape{2, 1}, std::vector<double>{4, 0.5})}};
  Request request = exact_request();
  request.layers = {"h", "r", "z"};
  const Result nig = attribute(model, inputs, request);
  const std::vector<std::vector<double>> expected = {{2.25, 0.75}, {2.25, 0.75}, {3}};
  for (std::size_t l = 0; l < expected.size(); ++l) {
    for (std::size_t i = 0; i < expected[l].size(); ++i) {
      EXPECT_NEAR(nig.layers[l].values.at(static_cast<std::int64_t>(i)), expected[l][i], 1e-14) << nig.layers[l].name;
    }
    // The second example has no gradient anywhere.
    EXPECT_EQ(nig.layers[l].values.at(static_cast<std::int64_t>(expected[l].size())), 0);
    EXPECT_EQ(nig.layers[l].estimated_error, (std::vector<double>{0, 0}));
  }
  EXPECT_EQ(nig.steps, (std::vector<std::int64_t>{4, 1}));
  EXPECT_EQ(nig.converged, (std::vector<bool>{true, true}));
  EXPECT_EQ(nig.f_input[0], 3);

  request.method = Method::kInternalInfluence;
  const Result influence = attribute(model, inputs, request);
  EXPECT_NEAR(influence.layers[1].values.at(0), 1 - 1.75 / 4, 1e-15);
  EXPECT_NEAR(influence.layers[1].values.at(1), -3 * (1 - 1.75 / 4), 1e-15);
  request.method = Method::kIg;
  EXPECT_NEAR(attribute(model, inputs, request).layers[0].values.at(0), 3, 1e-14);
}

using testing::kSanitized;

std::vector<RandomNetwork> random_networks(unsigned count) {
  if (kSanitized) count = std::max(1U, count / 8);
  std::vector<RandomNetwork> networks;
  for (unsigned seed = 1; seed <= std::max(1U, count / 8); ++seed) {
    networks.push_back(random_network(testing::NetworkKind::kReluMlp, seed));
    networks.push_back(random_network(testing::NetworkKind::kCnn, seed));
  }
  for (unsigned seed = 1; seed <= count; ++seed) networks.push_back(testing::kinked_network(seed));
  return networks;
}

TEST(Exact, SumsAreCompleteAtEveryCut) {
  double worst = 0;
  std::size_t cuts = 0;
  unsigned seed = 0;
  for (const RandomNetwork& network : random_networks(kSanitized ? 4 : 24)) {
    const Model model = double_model(network.bytes);
    const Inputs inputs{{"x", testing::random_inputs(network.input, 2, ++seed)}};
    const Result nig = attribute(model, inputs, every_layer(model, exact_request()));
    for (const LayerResult& layer : nig.layers) cuts += layer.residual.empty() ? 0 : 1;
    Request ig = exact_request();
    ig.method = Method::kIg;
    worst = std::max({worst, worst_residual(nig), worst_residual(attribute(model, inputs, ig))});
  }
  EXPECT_GT(cuts, kSanitized ? 10U : 100U);
  EXPECT_LE(worst, 1e-12);
}

TEST(Exact, TrapezoidsConvergeToIt) {
  if (testing::kSanitized) GTEST_SKIP() << testing::kTooLong;
  unsigned seed = 0;
  for (const RandomNetwork& network : random_networks(8)) {
    const Model model = double_model(network.bytes);
    const Inputs inputs{{"x", testing::random_inputs(network.input, 1, ++seed)}};
    for (const Method method : {Method::kNig, Method::kInternalInfluence}) {
      Request request = every_layer(model, exact_request());
      request.method = method;
      const Result exact = attribute(model, inputs, request);
      request.quadrature = Quadrature::kTrapezoid;
      request.steps = 32;
      const Result coarse = attribute(model, inputs, request);
      request.steps = 2048;
      const Result fine = attribute(model, inputs, request);
      for (std::size_t l = 0; l < exact.layers.size(); ++l) {
        const double error = relative_difference(exact.layers[l].values, fine.layers[l].values);
        const double before = relative_difference(exact.layers[l].values, coarse.layers[l].values);
        EXPECT_LE(error, std::max(before / 8, 1e-4)) << exact.layers[l].name << ", network " << seed;
      }
    }
  }
}

// Inside a cell the gradient is one and the same everywhere, and gradients in the middle of the cells, computed by
// running the whole network there, give the sums.
TEST(Exact, NoBreakpointIsMissed) {
  unsigned seed = 0;
  std::mt19937 random(7);
  std::size_t cells = 0;
  for (const RandomNetwork& network : random_networks(24)) {
    const Model model = double_model(network.bytes);
    const Request request = every_layer(model, exact_request());
    const auto setup =
        attribution::set_up(model.impl(), {{"x", testing::random_inputs(network.input, 1, ++seed)}}, request);
    attribution::Evaluator evaluator(setup, request.target, 1, {});
    attribution::ExamplePath path = evaluator.path(0);
    // Values or gradients of all layers.
    const auto at = [&](double alpha,
                        Tensor (attribution::Evaluator::*what)(std::size_t, std::size_t, std::size_t) const) {
      const attribution::PathPoint point{&path, alpha};
      evaluator.evaluate({&point, 1});
      std::vector<Array> all;
      for (std::size_t l = 0; l < setup.layers.size(); ++l) {
        all.push_back(engine::to_host(evaluator.device(), (evaluator.*what)(l, 0, 1)));
      }
      return all;
    };
    const auto values_at = [&](double alpha) { return at(alpha, &attribution::Evaluator::value); };
    const auto gradients_at = [&](double alpha) { return at(alpha, &attribution::Evaluator::gradient); };
    static_cast<void>(values_at(1));  // where the target is chosen
    std::vector<Array> before = values_at(0);
    attribution::Evaluator ends(setup, request.target, 1, {.gradients = false, .use_affine_prefix = false});
    attribution::ExamplePath whole = ends.path(0);
    const attribution::PathPoint last{&whole, 1};
    ends.evaluate({&last, 1});
    engine::ExactLine line(attribution::piecewise_request(setup), setup.network->device(), {});
    line.run(*whole.from, *whole.to, whole.target->weights);
    ASSERT_TRUE(std::ranges::is_sorted(line.alphas()));
    std::vector<std::vector<double>> sums(setup.layers.size());
    for (std::size_t l = 0; l < sums.size(); ++l) sums[l].assign(line.values(l).size(), 0);
    for (std::size_t k = 0; k + 1 < line.alphas().size(); ++k, ++cells) {
      const double from = line.alphas()[k];
      const double to = line.alphas()[k + 1];
      const std::vector<Array> middle = gradients_at((from + to) / 2);
      for (int i = 0; i < 2 && to - from > 1e-9; ++i) {
        const double t = std::uniform_real_distribution<double>(0.001, 0.999)(random);
        const std::vector<Array> other = gradients_at(from + t * (to - from));
        for (std::size_t l = 0; l < other.size(); ++l) {
          ASSERT_LE(relative_difference(middle[l], other[l]), 1e-11)
              << setup.layers[l].name << " in [" << from << ", " << to << "], network " << seed;
        }
      }
      std::vector<Array> after = values_at(to);
      for (std::size_t l = 0; l < sums.size(); ++l) {
        for (std::size_t i = 0; i < sums[l].size(); ++i) {
          const auto neuron = static_cast<std::int64_t>(i);
          sums[l][i] += middle[l].at(neuron) * (after[l].at(neuron) - before[l].at(neuron));
        }
      }
      before = std::move(after);
    }
    for (std::size_t l = 0; l < sums.size(); ++l) {
      const auto values = line.values(l);
      const Shape shape{static_cast<std::int64_t>(values.size())};
      EXPECT_LE(
          relative_difference(Array(shape, sums[l]), Array(shape, std::vector<double>(values.begin(), values.end()))),
          1e-11)
          << setup.layers[l].name << ", network " << seed;
    }
  }
  EXPECT_GT(cells, kSanitized ? 100U : 1000U);
}

// Little memory cuts the path into lines of a few points each, and changes nothing but rounding.
TEST(Exact, IsTheSameWithLittleMemory) {
  unsigned seed = 0;
  for (const RandomNetwork& network : random_networks(12)) {
    const Model model = double_model(network.bytes);
    const Inputs inputs{{"x", testing::random_inputs(network.input, 1, ++seed)}};
    Request request = every_layer(model, exact_request());
    const Result much = attribute(model, inputs, request);
    request.memory_budget = 0;
    const Result little = attribute(model, inputs, request);
    for (std::size_t l = 0; l < much.layers.size(); ++l) {
      EXPECT_LE(relative_difference(much.layers[l].values, little.layers[l].values), 1e-11) << much.layers[l].name;
    }
    EXPECT_NEAR(static_cast<double>(little.steps[0]), static_cast<double>(much.steps[0]), 1);
  }
}

class Digits : public ::testing::TestWithParam<std::string> {
 protected:
  static constexpr std::int64_t kExamples = 2;
  Digits() : model(Model::load(std::filesystem::path(MHO_SOURCE_DIR) / "examples/digits" / GetParam())) {
    const auto arrays = io::read_npz(std::filesystem::path(MHO_SOURCE_DIR) / "examples/digits/digits.npz");
    const Array& all = arrays.at("images");
    Shape shape = all.shape();
    const std::int64_t size = all.size() / shape[0];
    shape[0] = kExamples;
    std::vector<float> values;
    for (std::int64_t i = 0; i < kExamples * size; ++i) values.push_back(static_cast<float>(all.at(i)));
    inputs.emplace("image", Array(shape, values));
  }
  Model model;
  Inputs inputs;
};

TEST_P(Digits, AreCompleteAndWhereQuadratureGoes) {
  if (kSanitized && GetParam() == "cnn.onnx") GTEST_SKIP() << "twenty times as slow under sanitizers";
  const Result exact = attribute(model, inputs, exact_request());
  EXPECT_EQ(exact.metadata.at("precision"), "double");
  EXPECT_EQ(exact.metadata.at("quadrature"), "exact");
  EXPECT_FALSE(exact.metadata.contains("steps"));
  for (const LayerResult& layer : exact.layers) {
    for (const double residual : layer.residual) EXPECT_LE(std::abs(residual), 1e-10) << layer.name;
  }
  const auto error_of = [&](const Request& request) {
    const Result result = attribute(model, inputs, request);
    double worst = 0;
    for (std::size_t l = 0; l < exact.layers.size(); ++l) {
      worst = std::max(worst, relative_difference(exact.layers[l].values, result.layers[l].values));
    }
    return worst;
  };
  for (const Quadrature quadrature : {Quadrature::kTrapezoid, Quadrature::kSecant}) {
    Request request;
    request.quadrature = quadrature;
    double last = 1;
    for (const std::int64_t steps : {4, 16, 64}) {
      request.steps = steps;
      const double error = error_of(request);
      EXPECT_LT(error, std::max(last / 2, 1e-6)) << to_string(quadrature) << ", " << steps << " segments";
      last = error;
    }
  }
  for (const Quadrature quadrature : {Quadrature::kAdaptive, Quadrature::kSecant}) {
    Request request;
    request.quadrature = quadrature;
    EXPECT_LE(error_of(request), request.tolerance) << to_string(quadrature);
  }
}

INSTANTIATE_TEST_SUITE_P(Exact, Digits, ::testing::Values("cnn.onnx", "mlp.onnx"),
                         [](const auto& chosen) { return chosen.param.substr(0, 3); });

/// What attribute() refuses with; empty where it does not.
std::pair<Code, std::string> refusal(const Model& model, const Inputs& inputs, const Request& request) {
  try {
    static_cast<void>(attribute(model, inputs, request));
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {Code::kInternal, ""};
}

TEST(Exact, RefusesTooManyBreakpointsWithAnEstimate) {
  if (testing::kSanitized) GTEST_SKIP() << testing::kTooLong;
  const RandomNetwork network = random_network(testing::NetworkKind::kCnn, 3);
  const Model model = double_model(network.bytes);
  const Inputs inputs{{"x", testing::random_inputs(network.input, 1, 3)}};
  Request request = exact_request();
  const std::int64_t breakpoints = attribute(model, inputs, request).steps[0] - 1;
  request.max_breakpoints = breakpoints;
  EXPECT_EQ(refusal(model, inputs, request).second, "");
  request.max_breakpoints = breakpoints - 1;
  const auto [code, message] = refusal(model, inputs, request);
  EXPECT_EQ(code, Code::kLimit);
  for (const char* part : {"% of the path", "about", "seconds", "max-breakpoints", "tolerance"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
  }
  // Far too many: samples of the path say so, and how many there are.
  request.max_breakpoints = breakpoints / 10;
  const auto [sampled_code, sampled] = refusal(model, inputs, request);
  EXPECT_EQ(sampled_code, Code::kLimit);
  const std::size_t at = sampled.find(": about ");
  ASSERT_NE(at, std::string::npos) << sampled;
  const double estimate = std::stod(sampled.substr(at + 8));
  EXPECT_GT(estimate, static_cast<double>(breakpoints) / 3) << sampled;
  EXPECT_LT(estimate, static_cast<double>(breakpoints) * 3) << sampled;
}

TEST(Exact, RefusesWhatIsNotPiecewiseLinearByName) {
  for (const char* type : {"Tanh", "Sign", "Mul"}) {
    testing::ModelBuilder builder;
    builder.input("x", {std::string("N"), std::int64_t{3}});
    builder.node("Relu", {"x"}, {"r"}).named("first");
    builder
        .node(type, std::string(type) == "Mul" ? std::vector<std::string>{"r", "x"} : std::vector<std::string>{"r"},
              {"y"})
        .named("the culprit");
    builder.output("y", {std::string("N"), std::int64_t{3}});
    const Model model = double_model(builder.serialized());
    const auto [code, message] =
        refusal(model, {{"x", testing::random_inputs({3}, 1, 1)}}, every_layer(model, exact_request()));
    EXPECT_EQ(code, Code::kUnsupported) << message;
    for (const char* part : {"'the culprit'", type, "tolerance"}) {
      EXPECT_NE(message.find(part), std::string::npos) << part << " in: " << message;
    }
  }
}

TEST(Exact, RefusesRequestsThatHaveNoExactAnswer) {
  const Model model = double_model(by_hand());
  const Inputs inputs{{"x", Array(Shape{1, 1}, std::vector<double>{4})}};
  for (const Method method : {Method::kConductance, Method::kDeepLift, Method::kGradient}) {
    Request request = exact_request();
    request.method = method;
    EXPECT_EQ(refusal(model, inputs, request).first, Code::kInvalidArgument) << to_string(method);
  }
  Request steps = exact_request();
  steps.steps = 8;
  EXPECT_EQ(refusal(model, inputs, steps).first, Code::kInvalidArgument);
  Request none = exact_request();
  none.max_breakpoints = 0;
  EXPECT_EQ(refusal(model, inputs, none).first, Code::kInvalidArgument);
}

// A published network, where the data is there.
TEST(Exact, PublishedMnistNetworkIsComplete) {
  if (kSanitized) GTEST_SKIP() << "twenty times as slow under sanitizers";
  const char* given = std::getenv("MHO_DATA");
  std::filesystem::path data = given != nullptr ? given : "";
  for (const char* folder : {"shared/data", "../shared/data"}) {
    if (data.empty() && std::filesystem::exists(std::filesystem::path(MHO_SOURCE_DIR) / folder)) {
      data = std::filesystem::path(MHO_SOURCE_DIR) / folder;
    }
  }
  const std::filesystem::path file = data / "models/mnist-8.onnx";
  if (data.empty() || !std::filesystem::exists(file)) GTEST_SKIP() << "no models/mnist-8.onnx in $MHO_DATA";
  const Model model = Model::load(file);
  const Port input = model.inputs()[0];
  // A stroke, as bright as the digits the network was trained on.
  Array image(DType::f32, {1, 1, 28, 28});
  for (std::int64_t row = 5; row < 23; ++row) {
    for (std::int64_t column = 13; column < 16; ++column) {
      image.as<float>()[static_cast<std::size_t>(row * 28 + column)] = 200 + static_cast<float>(row);
    }
  }
  const Result result = attribute(model, {{input.name, image}}, exact_request());
  EXPECT_GT(result.steps[0], 100);
  EXPECT_GT(result.layers.size(), 5U);
  EXPECT_LE(worst_residual(result), 1e-12);
}

}  // namespace
}  // namespace mho
