// Adaptive secants put their points where errors arise: meshes, profiles, and what they save.
#include "attribution/mesh.h"

#include <gtest/gtest.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attribution/kinks_behind.h"
#include "attribution/segment_profile.h"
#include "support/differences.h"
#include "support/random_network.h"

namespace mho {
namespace {

using attribution::ExamplePath;
using attribution::graded_mesh;
using attribution::redistributed;

TEST(Mesh, EqualWeightsKeepEquallySpacedPoints) {
  const std::vector<double> alphas = graded_mesh(ExamplePath{}, 4);
  const std::vector<double> finer = redistributed(alphas, std::vector<double>(4, 0.3), 12);
  ASSERT_EQ(finer.size(), 13U);
  for (std::size_t k = 0; k < finer.size(); ++k) EXPECT_NEAR(finer[k], static_cast<double>(k) / 12, 1e-15);
}

TEST(Mesh, SegmentsGetPointsInProportionToTheirWeights) {
  const std::vector<double> alphas{0, 0.1, 0.6, 1};
  const std::vector<double> weights{1, 5, 2};
  const std::vector<double> mesh = redistributed(alphas, weights, 80);
  EXPECT_EQ(mesh.front(), 0);
  EXPECT_EQ(mesh.back(), 1);
  for (std::size_t k = 1; k < mesh.size(); ++k) EXPECT_LT(mesh[k - 1], mesh[k]);
  for (std::size_t s = 0; s < weights.size(); ++s) {
    const auto inside = std::ranges::count_if(mesh, [&](double a) { return a > alphas[s] && a <= alphas[s + 1]; });
    EXPECT_NEAR(static_cast<double>(inside), 10 * weights[s], 1) << "segment " << s;
  }
}

struct Digits {
  Model model;
  Inputs inputs;
};

/// The digits CNN and some of its examples.
Digits digits(std::int64_t count, const ModelOptions& options = {}) {
  const auto folder = std::filesystem::path(MHO_SOURCE_DIR) / "examples/digits";
  const Array images = io::read_npz(folder / "digits.npz").at("images").to(DType::f32);
  Shape shape = images.shape();
  shape[0] = count;
  Model model = Model::load(folder / "cnn.onnx", options);
  const std::string input = model.inputs()[0].name;
  return {std::move(model),
          {{input, Array(shape, images.as<float>().subspan(0, static_cast<std::size_t>(element_count(shape))))}}};
}

TEST(Mesh, AProfileSeesWhereMultipliersAndValuesChange) {
  // max(x - 0.7, 0) squared, on a path from 0 to 1.
  testing::ModelBuilder builder;
  builder.input("x", {std::string("N"), std::int64_t{1}});
  builder.floats("shift", {1}, {-0.7F});
  builder.floats("w", {1, 1}, {1});
  builder.node("Add", {"x", "shift"}, {"moved"});
  builder.node("Relu", {"moved"}, {"y"});
  builder.node("Mul", {"y", "y"}, {"square"});
  builder.node("MatMul", {"square", "w"}, {"out"});
  builder.output("out", {std::string("N"), std::int64_t{1}});
  const std::string bytes = builder.serialized();
  const Model model = Model::parse(std::as_bytes(std::span(bytes)), {}, {.precision = Precision::kDouble});
  Request request;
  request.layers = {"y"};
  const auto setup = attribution::set_up(model.impl(), {{"x", Array(Shape{1, 1}, std::vector<float>{1})}}, request);
  constexpr std::int64_t kSegments = 10;
  attribution::Evaluator evaluator(setup, request.target, kSegments + 1, {.multipliers = true, .chain = true});
  ExamplePath path = evaluator.path(0);
  const std::vector<double> alphas = graded_mesh(path, kSegments);
  std::vector<attribution::PathPoint> points;
  for (std::size_t k = alphas.size(); k-- > 0;) points.push_back({&path, alphas[k]});
  evaluator.evaluate(points);
  attribution::SegmentProfile profile(evaluator.layer_types(), kSegments);
  for (std::int64_t k = 0; k < kSegments; ++k) {
    profile.record(k, evaluator, static_cast<std::size_t>(kSegments - k), false);
  }
  const std::vector<double> weights = profile.weights(alphas);
  ASSERT_EQ(weights.size(), 10U);
  // Nothing happens before the kink, and every segment still has a weight.
  for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(weights[k], weights[0]);
  EXPECT_GT(weights[0], 0);
  EXPECT_GT(weights[7], 2 * weights[0]);
}

TEST(Mesh, KinksAreCountedBehindTheLayer) {
  const Digits some = digits(1);
  Request request;
  request.layers = {"relu1", "relu2", "relu3"};
  const auto setup = attribution::set_up(some.model.impl(), some.inputs, request);
  const std::vector<std::int64_t> kinks = attribution::kinks_behind(setup);
  ASSERT_EQ(kinks.size(), 3U);
  EXPECT_GT(kinks[0], kinks[1]);
  EXPECT_GT(kinks[1], kinks[2]);
}

// The points depend on what the levels before have shown: on nothing else.
TEST(Mesh, AdaptivePointsAreTheSameForEveryMicroBatchAndThread) {
  const Digits some = digits(3, {.precision = Precision::kDouble});
  Request request;
  request.layers = {"relu1", "relu2"};
  request.tolerance = 5e-2;
  const Result expected = attribute(some.model, some.inputs, request);
  for (const std::int64_t batch : {1, 7}) {
    request.micro_batch = batch;
    const Result result = attribute(some.model, some.inputs, request);
    EXPECT_EQ(result.steps, expected.steps);
    for (std::size_t l = 0; l < expected.layers.size(); ++l) {
      EXPECT_LE(testing::relative_difference(expected.layers[l].values, result.layers[l].values), 1e-10) << batch;
    }
  }
  const auto with_threads = [&](int threads) {
    const Digits single = digits(3, {.threads = threads});
    Request same = request;
    same.micro_batch = 0;
    return attribute(single.model, single.inputs, same);
  };
  const Result one = with_threads(1), two = with_threads(2);
  EXPECT_EQ(one.steps, two.steps);
  for (std::size_t l = 0; l < one.layers.size(); ++l) {
    EXPECT_LE(testing::relative_difference(one.layers[l].values, two.layers[l].values), 1e-6);
  }
}

// Levels of graded points alone took 121 evaluations an example here; those that move to where errors arise take 68.
TEST(Mesh, AdaptiveRunsTakeFewEvaluations) {
  const Digits some = digits(4);
  Request request;
  request.layers = {"relu2"};
  const Result result = attribute(some.model, some.inputs, request);
  EXPECT_LE(std::accumulate(result.evaluations.begin(), result.evaluations.end(), 0.0) / 4, 85);
  Request fine = request;
  fine.quadrature = Quadrature::kSecant;
  fine.steps = 512;
  const Result exact = attribute(some.model, some.inputs, fine);
  EXPECT_LE(testing::relative_difference(exact.layers[0].values, result.layers[0].values), request.tolerance);
}

}  // namespace
}  // namespace mho
