// NaN and infinities never leave mho unseen: the error names the tensor in which the first one arises.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/check.h>

#include <cmath>
#include <limits>

#include "support/onnx_builder.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::ModelBuilder;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

Model parse(const ModelBuilder& builder, const ModelOptions& options = {}) {
  const std::string bytes = builder.serialized();
  return Model::parse(std::as_bytes(std::span(bytes)), {}, options);
}

/// [N, 3] in, [N, 3] out.
ModelBuilder three_to_three() {
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{3}});
  builder.output("y", {std::string("N"), std::int64_t{3}});
  return builder;
}

Inputs x(const std::vector<float>& values) {
  return {{"x", Array(Shape{static_cast<std::int64_t>(values.size()) / 3, 3}, values)}};
}

std::vector<float> weights(std::size_t bad, float value) {
  std::vector<float> all = {1, 2, -1, 0.5F, 1, 1, -2, 1, 0.25F};
  all[bad] = value;
  return all;
}

void expect_named(const auto& run, const std::vector<std::string>& parts) {
  try {
    run();
    FAIL() << "nothing was noticed; expected '" << parts[0] << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kNumeric) << error.what();
    for (const std::string& part : parts)
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

constexpr Method kMethods[] = {Method::kNig,      Method::kConductance,         Method::kIg,
                               Method::kGradient, Method::kGradientXActivation, Method::kInternalInfluence,
                               Method::kDeepLift, Method::kActivation,          Method::kAblation};

TEST(NonFinite, AnInfinityAtTheBaselineIsNamedByEveryMeasureThatGoesThere) {
  ModelBuilder builder = three_to_three();
  builder.node("Log", {"x"}, {"logarithm"}).named("the_log");
  builder.node("Neg", {"logarithm"}, {"y"});
  const Model model = parse(builder);
  for (const Method method : kMethods) {
    SCOPED_TRACE(to_string(method));
    Request request;
    request.method = method;
    expect_named(
        [&] {
          static_cast<void>(attribute(model, x({1, 2, 3, 4, 5, 6}), request));
        },
        {"infinity", "tensor 'logarithm' of Log node 'the_log'"});
  }
}

TEST(NonFinite, AnInfiniteGradientIsNamedByTheNodeThatMakesIt) {
  ModelBuilder builder = three_to_three();
  builder.floats("w", {3, 3}, weights(0, 1));
  builder.node("Relu", {"x"}, {"r"}).named("first");
  builder.node("Sqrt", {"r"}, {"root"}).named("the_root");
  builder.node("MatMul", {"root", "w"}, {"y"}).named("last");
  const Model model = parse(builder);
  Request request;
  request.layers = {"r"};
  request.steps = 4;
  request.quadrature = Quadrature::kTrapezoid;
  expect_named(
      [&] {
        static_cast<void>(attribute(model, x({1, 2, 3}), request));
      },
      {"the attribution of layer 'r' of example 0", "alpha = 0 ",
       "the gradient that Sqrt node 'the_root' passes to tensor 'r'", "--precision double"});
  request = {};
  request.method = Method::kGradient;
  request.layers = {"r"};
  expect_named(
      [&] {
        static_cast<void>(attribute(model, x({1, 2, 3, 0, 1, 1}), request));
      },
      {"layer 'r' of example 1", "alpha = 1 ", "Sqrt node 'the_root'"});
}

TEST(NonFinite, ABadWeightIsNamedAlsoInAnAffinePrefix) {
  ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{64}});
  std::vector<float> bad(64UL * 64, 0.125F);
  bad[77] = kNan;
  builder.floats("w", {64, 64}, bad).floats("v", {64, 3}, std::vector<float>(192, 0.25F));
  builder.node("MatMul", {"x", "w"}, {"a"}).named("dense1");
  builder.node("Sigmoid", {"a"}, {"s"}).named("squash");
  builder.node("MatMul", {"s", "v"}, {"y"}).named("dense2");
  builder.output("y", {std::string("N"), std::int64_t{3}});
  const Model model = parse(builder);
  const Inputs inputs = {{"x", testing::random_inputs({64}, 2, 1)}};
  for (const Method method : {Method::kNig, Method::kDeepLift, Method::kActivation, Method::kAblation}) {
    SCOPED_TRACE(to_string(method));
    Request request;
    request.method = method;
    expect_named([&] { static_cast<void>(attribute(model, inputs, request)); },
                 {"a NaN arises first in initializer 'w' of MatMul node 'dense1'"});
  }
  expect_named([&] { static_cast<void>(model.run(inputs)); },
               {"output 'y'", "a NaN arises first in initializer 'w' of MatMul node 'dense1'"});
}

TEST(NonFinite, OverflowOfSinglePrecisionIsNamedAndDoubleConfirms) {
  ModelBuilder builder = three_to_three();
  builder.floats("w", {3, 3}, weights(0, 1));
  builder.node("MatMul", {"x", "w"}, {"a"});
  builder.node("Exp", {"a"}, {"large"}).named("the_exp");
  builder.node("Log", {"large"}, {"back"});
  builder.node("Tanh", {"back"}, {"y"});
  Request request;
  request.layers = {"a"};
  request.output = "back";
  expect_named(
      [&] {
        static_cast<void>(attribute(parse(builder), x({100, 100, 0}), request));
      },
      {"an infinity arises first in tensor 'large' of Exp node 'the_exp'", "--precision double"});
  const Result result = attribute(parse(builder, {.precision = Precision::kDouble}), x({100, 100, 0}), request);
  EXPECT_NEAR(result.f_input[0], 300, 1e-9);
}

// A mask of minus infinity in front of a Softmax is meant, unless it leaves nothing.
TEST(NonFinite, MasksAreNotBlamedButRowsWithoutAnythingAre) {
  const auto masked = [](const std::vector<float>& mask) {
    ModelBuilder builder = three_to_three();
    builder.floats("w", {3, 3}, weights(0, 1)).floats("mask", {1, 3}, mask);
    builder.node("Add", {"x", "mask"}, {"visible"}).named("hide");
    builder.node("Softmax", {"visible"}, {"weights"}).with("axis", -1).named("the_softmax");
    builder.node("MatMul", {"weights", "w"}, {"y"});
    return parse(builder);
  };
  Request request;
  request.layers = {"weights"};
  const Result some = attribute(masked({0, -kInfinity, 0}), x({1, 2, 3}), request);
  EXPECT_TRUE(std::isfinite(some.layers[0].values.at(0)));
  expect_named(
      [&] {
        static_cast<void>(attribute(masked({-kInfinity, -kInfinity, -kInfinity}), x({1, 2, 3}), request));
      },
      {"a NaN arises first in tensor 'weights' of Softmax node 'the_softmax'",
       "infinities arise first in initializer 'mask' of Add node 'hide'"});
}

TEST(NonFinite, ChecksTellOfThoseThatLaterNodesHide) {
  const auto told = [](float hidden) {
    ModelBuilder builder = three_to_three();
    builder.floats("mask", {1, 3}, {0, hidden, 0});
    builder.node("Add", {"x", "mask"}, {"visible"}).named("hide");
    builder.node("Softmax", {"visible"}, {"weights"}).with("axis", -1);
    builder.node("Mul", {"weights", "x"}, {"y"});
    return check(parse(builder), x({1, 2, 3})).non_finite;
  };
  EXPECT_EQ(told(-kInfinity), "example 0 at x: an infinity arises first in initializer 'mask' of Add node 'hide'");
  EXPECT_EQ(told(-9), "");
}

TEST(NonFinite, InfiniteOutputsAreAnswersAndNaNIsNot) {
  ModelBuilder builder = three_to_three();
  builder.node("Log", {"x"}, {"y"}).named("the_log");
  const Model model = parse(builder);
  const auto outputs = model.run(x({0, 1, 2}));
  EXPECT_EQ(outputs.at("y").at(0), -std::numeric_limits<double>::infinity());
  expect_named(
      [&] {
        static_cast<void>(model.run(x({1, 2, 3, 1, -1, 1})));
      },
      {"output 'y' of example 1", "a NaN arises first in tensor 'y' of Log node 'the_log'"});
}

// F(x) - F(x') = 0.25 is what is left of values around 1e6: float32 has no digits for it, double has.
TEST(Cancellation, IsToldPerExample) {
  ModelBuilder builder = three_to_three();
  builder.floats("w", {3, 3}, {1e6F, 1, 0, -1e6F, 0, 1, 0.25F, 2, 3});
  builder.node("Relu", {"x"}, {"r"});
  builder.node("MatMul", {"r", "w"}, {"y"});
  Request request;
  request.layers = {"r"};
  request.target = IndexTarget{{{0}}};
  const Model model = parse(builder, {.precision = Precision::kDouble});
  const Result result = attribute(model, x({1, 1, 1, 1, 0, 1, 0, 0, 0}), request);
  ASSERT_EQ(result.layers[0].cancellation.size(), 3U);
  EXPECT_NEAR(result.layers[0].cancellation[0], (2e6 + 0.25) / 0.25, 1e-3);
  EXPECT_NEAR(result.layers[0].cancellation[1], 1, 1e-12);
  EXPECT_EQ(result.layers[0].cancellation[2], 1) << "nothing moved, nothing is lost";
}

}  // namespace
}  // namespace mho
