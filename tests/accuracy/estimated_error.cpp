// The estimated error is a bound: above the true error, against float64 with 1,024 segments, nearly always.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "support/golden.h"
#include "support/random_network.h"

namespace mho {
namespace {

using testing::NetworkKind;
using testing::RandomNetwork;

Model parse(const RandomNetwork& network, const ModelOptions& options = {}) {
  return Model::parse(std::as_bytes(std::span(network.bytes)), {}, options);
}

/// How often the estimate of an adaptive float32 run is above its true error, against float64 with 1,024 segments.
struct Share {
  int above = 0;
  int cases = 0;
  double worst = 0;  ///< largest true error / estimate
  std::int64_t spent = 0;
  std::vector<double> ratios = {};

  void add(const Model& single, const Model& twice, const Inputs& inputs, Request request) {
    const Result adaptive = attribute(single, inputs, request);
    for (const std::int64_t evaluations : adaptive.evaluations) spent += evaluations;
    request.quadrature = Quadrature::kSecant;
    request.steps = 2048;
    const Result exact = attribute(twice, inputs, request);
    for (std::size_t l = 0; l < exact.layers.size(); ++l) {
      const Array &a = adaptive.layers[l].values, &b = exact.layers[l].values;
      const auto examples = static_cast<std::int64_t>(exact.steps.size());
      const std::int64_t size = b.size() / examples;
      for (std::int64_t n = 0; n < examples; ++n) {
        double norm = 0;
        double difference = 0;
        for (std::int64_t i = n * size; i < (n + 1) * size; ++i) {
          norm += std::abs(b.at(i));
          difference += std::abs(a.at(i) - b.at(i));
        }
        const double estimate = adaptive.layers[l].estimated_error[static_cast<std::size_t>(n)];
        const double error = norm > 0 ? difference / norm : 0;
        // Layers that the target is affine in are exact: they would only make the share look better.
        if (estimate == 0) continue;
        constexpr double kRounding = 1e-6;  // of float32, which no estimate of the quadrature sees
        above += error <= estimate + kRounding ? 1 : 0;
        worst = std::max(worst, error / (estimate + kRounding));
        ++cases;
        ratios.push_back(error / (estimate + kRounding));
      }
    }
  }
};

class EstimatedError : public ::testing::TestWithParam<Quadrature> {};

TEST_P(EstimatedError, IsAboveTheTrueErrorInAtLeast95PercentOfTheCases) {
  Share share;
  const auto with_rule = [](Request request) {
    request.quadrature = GetParam();
    return request;
  };
  for (const std::string& name : testing::golden_names()) {
    const testing::GoldenNetwork network = testing::load_golden(name);
    share.add(Model::load(network.model), Model::load(network.model, {.precision = Precision::kDouble}),
              network.group("input"), with_rule(network.request(Method::kNig)));
  }
  const auto digits = std::filesystem::path(MHO_SOURCE_DIR) / "examples/digits";
  const Array images = io::read_npz(digits / "digits.npz").at("images").to(DType::f32);
  const Shape some_shape{8, images.shape()[1], images.shape()[2], images.shape()[3]};
  const auto count = static_cast<std::size_t>(element_count(some_shape));
  const Array some(some_shape, images.as<float>().subspan(0, count));
  const Model mlp = Model::load(digits / "mlp.onnx");
  share.add(mlp, Model::load(digits / "mlp.onnx", {.precision = Precision::kDouble}), {{mlp.inputs()[0].name, some}},
            with_rule(Request{}));
  for (const NetworkKind kind : {NetworkKind::kReluMlp, NetworkKind::kSmoothMlp, NetworkKind::kCnn}) {
    for (unsigned seed = 100; seed < (kind == NetworkKind::kCnn ? 106U : 120U); ++seed) {
      const RandomNetwork network = testing::random_network(kind, seed);
      share.add(parse(network), parse(network, {.precision = Precision::kDouble}),
                {{"x", testing::random_inputs(network.input, 3, seed)}}, with_rule(Request{}));
    }
  }
  std::ranges::sort(share.ratios);
  std::printf(
      "%s, %lld evaluations: estimated error above the true error: %d of %d cases (%.1f %%), true / estimated: median "
      "%.2f, 95 %% of cases below %.2f, largest %.2f\n",
      to_string(GetParam()), static_cast<long long>(share.spent), share.above, share.cases,
      100.0 * share.above / share.cases, share.ratios[share.ratios.size() / 2],
      share.ratios[share.ratios.size() * 19 / 20], share.worst);
  EXPECT_GE(share.cases, 400);
  EXPECT_GE(share.above, 0.95 * share.cases);
}

INSTANTIATE_TEST_SUITE_P(Rules, EstimatedError, ::testing::Values(Quadrature::kAdaptive, Quadrature::kSecant),
                         [](const ::testing::TestParamInfo<Quadrature>& c) { return std::string(to_string(c.param)); });

}  // namespace
}  // namespace mho
