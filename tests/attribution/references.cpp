// Path measures against sets of references: the mean over them, complete against the mean of F, with an honest error.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "support/differences.h"
#include "support/golden.h"

namespace mho {
namespace {

using testing::relative_difference;

constexpr std::int64_t kReferences = 4;

double l1(const Array& a, std::int64_t first, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = first; i < first + count; ++i) sum += std::abs(a.at(i));
  return sum;
}

class References : public ::testing::TestWithParam<std::string> {
 protected:
  References() {
    // Around the inputs, and not around the origin: references must differ in what they give.
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0.2F, 0.5F);
    for (const auto& [name, x] : inputs) {
      Shape shape = x.shape();
      shape[0] = kReferences;
      std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
      std::ranges::generate(values, [&] { return normal(random); });
      references.emplace(name, Array(shape, values));
    }
  }
  [[nodiscard]] Inputs reference(std::int64_t number) const {
    Inputs one;
    for (const auto& [name, all] : references) {
      Shape shape = all.shape();
      shape[0] = 1;
      const auto values = all.as<float>();
      const std::size_t size = values.size() / kReferences;
      const auto own = values.subspan(size * static_cast<std::size_t>(number), size);
      one.emplace(name, Array(shape, own));
    }
    return one;
  }
  [[nodiscard]] bool piecewise_linear() const { return !golden.smooth && golden.name != "two_inputs"; }
  Result against_all(Request request) {
    request.baseline = ReferenceSet{references};
    return attribute(model, inputs, request);
  }
  std::vector<Result> against_each(Request request) {
    std::vector<Result> results;
    for (std::int64_t r = 0; r < kReferences; ++r) {
      request.baseline = reference(r);
      results.push_back(attribute(model, inputs, request));
    }
    return results;
  }

  testing::GoldenNetwork golden = testing::load_golden(GetParam());
  Model model = Model::load(golden.model, {.precision = Precision::kDouble});
  Inputs inputs = golden.group("input");
  Inputs references;
};

INSTANTIATE_TEST_SUITE_P(Networks, References,
                         ::testing::Values("plain_cnn", "residual_reused_relu", "smooth_mlp", "two_inputs"),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

TEST_P(References, AreAveraged) {
  for (const Method method : {Method::kNig, Method::kIg, Method::kInternalInfluence, Method::kConductance}) {
    Request request = golden.request(method);
    request.steps = 16;
    if (method == Method::kConductance) {
      request.layers = {golden.layers.back()};
      request.steps = 3;
    }
    const Result all = against_all(request);
    const std::vector<Result> each = against_each(request);
    EXPECT_EQ(all.metadata.at("references"), "4");
    EXPECT_EQ(all.target, each[0].target);
    EXPECT_EQ(all.f_input, each[0].f_input);
    for (std::size_t n = 0; n < all.f_input.size(); ++n) {
      double f = 0;
      std::int64_t evaluations = 0, steps = 0;
      for (const Result& one : each) {
        f += one.f_baseline[n] / kReferences;
        evaluations += one.evaluations[n];
        steps = std::max(steps, one.steps[n]);
      }
      EXPECT_NEAR(all.f_baseline[n], f, 1e-12 * (1 + std::abs(f)));
      EXPECT_EQ(all.evaluations[n], evaluations);
      EXPECT_EQ(all.steps[n], steps);
    }
    for (std::size_t l = 0; l < all.layers.size(); ++l) {
      const Array& values = all.layers[l].values;
      Array mean(DType::f64, values.shape());
      for (const Result& one : each) {
        for (std::int64_t i = 0; i < mean.size(); ++i) {
          mean.as<double>()[static_cast<std::size_t>(i)] += one.layers[l].values.at(i) / kReferences;
        }
      }
      EXPECT_LE(relative_difference(mean, values), 1e-12) << to_string(method) << " " << all.layers[l].name;
    }
  }
}

TEST_P(References, SumsAreComplete) {
  for (const Method method : {Method::kNig, Method::kIg}) {
    Request request = golden.request(method);
    request.tolerance = 1e-3;
    const Result result = against_all(request);
    for (const LayerResult& layer : result.layers) {
      ASSERT_EQ(layer.residual.size(), layer.cut ? result.f_input.size() : 0);
      const std::int64_t size = layer.values.size() / layer.values.shape()[0];
      for (std::size_t n = 0; n < layer.residual.size(); ++n) {
        const double norm = l1(layer.values, static_cast<std::int64_t>(n) * size, size);
        EXPECT_LE(std::abs(layer.residual[n]), 1e-3 * norm) << layer.name;
      }
    }
  }
}

// |sum of errors| <= sum of |errors|: what references cancel makes the relative error larger, and that is reported.
TEST_P(References, EstimatesAddUpAndDecideOnConvergence) {
  Request request = golden.request(Method::kNig);
  request.max_steps = 16;
  request.tolerance = 1e-9;
  const Result all = against_all(request);
  const std::vector<Result> each = against_each(request);
  for (std::size_t n = 0; n < all.f_input.size(); ++n) {
    bool within = true;
    for (std::size_t l = 0; l < all.layers.size(); ++l) {
      const Array& values = all.layers[l].values;
      const std::int64_t size = values.size() / values.shape()[0];
      const std::int64_t first = static_cast<std::int64_t>(n) * size;
      double bound = 0;
      for (const Result& one : each) {
        bound += one.layers[l].estimated_error[n] * l1(one.layers[l].values, first, size) / kReferences;
      }
      const double expected = bound / l1(values, first, size);
      EXPECT_NEAR(all.layers[l].estimated_error[n], expected, 1e-9 * expected);
      within = within && expected <= request.tolerance;
    }
    EXPECT_EQ(all.converged[n], within);
  }
}

// Two references on either side of the input cancel: each path within the tolerance is not enough.
TEST(ReferencesThatCancel, AreRefinedUntilTheirMeanIsWithinTheTolerance) {
  const testing::GoldenNetwork golden = testing::load_golden("plain_cnn");
  const Model model = Model::load(golden.model, {.precision = Precision::kDouble});
  const Inputs inputs = golden.group("input");
  const Array& x = inputs.at("x");
  std::mt19937 random(22);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(2 * 36));
  for (std::size_t i = 0; i < 36; ++i) {
    const float d = normal(random);
    const auto own = static_cast<float>(x.at(static_cast<std::int64_t>(i)));
    values[i] = own + d;
    values[36 + i] = own - 0.9F * d;
  }
  Request request = golden.request(Method::kNig);
  request.baseline = ReferenceSet{{{"x", Array({2, 1, 6, 6}, values)}}};
  request.max_steps = 1 << 14;
  request.tolerance = 2e-2;  // the paths alone end just within it
  std::vector<Progress> reported;
  request.progress = [&](const Progress& progress) {
    reported.push_back(progress);
    return true;
  };
  const Result result = attribute(model, inputs, request);
  std::int64_t evaluations = 0;
  for (const std::int64_t spent : result.evaluations) evaluations += spent;
  EXPECT_EQ(reported.back().examples_done, 3);
  EXPECT_GE(reported.back().evaluations, evaluations);
  request.progress = {};
  request.quadrature = Quadrature::kExact;
  const Result exact = attribute(model, inputs, request);
  request.quadrature = Quadrature::kAdaptive;
  std::vector<double> bound(result.layers.size(), 0);  // of example 0
  std::int64_t alone_evaluations = 0;
  for (std::size_t r = 0; r < 2; ++r) {
    const std::vector<float> one(values.begin() + static_cast<std::ptrdiff_t>(36 * r),
                                 values.begin() + static_cast<std::ptrdiff_t>(36 * (r + 1)));
    request.baseline = Inputs{{"x", Array({1, 1, 6, 6}, one)}};
    const Result alone = attribute(model, inputs, request);
    alone_evaluations += alone.evaluations[0];
    for (std::size_t l = 0; l < alone.layers.size(); ++l) {
      const std::int64_t size = alone.layers[l].values.size() / 3;
      bound[l] += alone.layers[l].estimated_error[0] * l1(alone.layers[l].values, 0, size) / 2 /
                  l1(result.layers[l].values, 0, size);
    }
  }
  EXPECT_GT(*std::ranges::max_element(bound), request.tolerance) << "nothing was to be refined";
  EXPECT_GT(result.evaluations[0], alone_evaluations);
  for (std::size_t l = 0; l < result.layers.size(); ++l) {
    const Array& a = result.layers[l].values;
    const std::int64_t size = a.size() / 3;
    for (std::size_t n = 0; n < 3; ++n) {
      EXPECT_TRUE(result.converged[n]);
      EXPECT_LE(result.layers[l].estimated_error[n], request.tolerance);
      if (n > 0) continue;
      double difference = 0;
      const std::int64_t first = 0;
      for (std::int64_t i = first; i < first + size; ++i)
        difference += std::abs(a.at(i) - exact.layers[l].values.at(i));
      EXPECT_LE(difference, request.tolerance * l1(a, first, size)) << result.layers[l].name;
    }
  }
}

TEST_P(References, ExactIsExact) {
  if (!piecewise_linear()) GTEST_SKIP() << "not piecewise linear";
  Request request = golden.request(Method::kNig);
  request.quadrature = Quadrature::kExact;
  const Result result = against_all(request);
  for (const LayerResult& layer : result.layers) {
    EXPECT_EQ(layer.estimated_error, std::vector<double>(result.f_input.size(), 0));
    const double norm = l1(layer.values, 0, layer.values.size());
    for (const double residual : layer.residual) EXPECT_LE(std::abs(residual), 1e-12 * norm) << layer.name;
  }
}

// arXiv 1906.10670, equation 3: the expectation over references and alphas of (x - x') dF/dx at x' + alpha (x - x').
TEST_P(References, AreWhatSamplesOfReferencesAndAlphasEstimate) {
  constexpr std::int64_t kSamples = 4000;
  Request request = golden.request(Method::kIg);
  request.quadrature = piecewise_linear() ? Quadrature::kExact : Quadrature::kTrapezoid;
  request.steps = piecewise_linear() ? 0 : 1024;
  const Result expected = against_all(request);
  std::mt19937 random(3);
  Inputs points, differences;
  std::vector<double> alphas(kSamples);
  std::ranges::generate(alphas, [&] { return std::uniform_real_distribution<double>(0, 1)(random); });
  for (const auto& [name, x] : inputs) {
    Shape shape = x.shape();
    shape[0] = kSamples;
    Array point(DType::f64, shape), difference(DType::f64, shape);
    const std::int64_t size = point.size() / kSamples;
    for (std::int64_t i = 0; i < point.size(); ++i) {
      const std::int64_t s = i / size;
      const double from = references.at(name).at(s % kReferences * size + i % size);
      const auto k = static_cast<std::size_t>(i);
      difference.as<double>()[k] = x.at(i % size) - from;  // of the first example
      point.as<double>()[k] = from + alphas[static_cast<std::size_t>(s)] * difference.at(i);
    }
    points.emplace(name, std::move(point));
    differences.emplace(name, std::move(difference));
  }
  Request sample = golden.request(Method::kGradient);
  sample.target = IndexTarget{{{expected.target[0]}}};
  sample.baseline = 0.0;
  sample.layers.clear();
  for (const LayerResult& layer : expected.layers) sample.layers.push_back(layer.name);
  const Result gradients = attribute(model, points, sample);
  for (std::size_t l = 0; l < expected.layers.size(); ++l) {
    const Array& g = gradients.layers[l].values;
    const Array& d = differences.at(expected.layers[l].name);
    const std::int64_t size = g.size() / kSamples;
    int far = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      double sum = 0, squares = 0;
      for (std::int64_t s = 0; s < kSamples; ++s) {
        const double v = g.at(s * size + i) * d.at(s * size + i);
        sum += v;
        squares += v * v;
      }
      const double mean = sum / kSamples;
      const double deviation = std::sqrt(std::max(0.0, squares / kSamples - mean * mean) / kSamples);
      if (std::abs(mean - expected.layers[l].values.at(i)) > 4.5 * deviation + 1e-12) ++far;
    }
    EXPECT_EQ(far, 0) << "of " << size;
  }
}

TEST_P(References, MeasuresAtOnePointRefuseThem) {
  for (const Method method : {Method::kActivation, Method::kGradient, Method::kGradientXActivation}) {
    EXPECT_THROW(static_cast<void>(against_all(golden.request(method))), Error);
  }
}

}  // namespace
}  // namespace mho
