// Many path points: cuts are complete to a tight tolerance, and NIG becomes conductance summed over the inputs.
#include <gtest/gtest.h>

#include <cmath>

#include "support/golden.h"

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

class TightTolerance : public ::testing::TestWithParam<std::string> {};

TEST_P(TightTolerance, CutsSumToTheDifferenceOfF) {
  const GoldenNetwork network = testing::load_golden(GetParam());
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  const Inputs inputs = network.group("input");
  Request request = network.request(Method::kNig);
  request.layers.clear();  // every cut
  request.tolerance = 1e-4;
  request.max_steps = 1 << 16;
  const Result result = attribute(model, inputs, request);
  ASSERT_FALSE(result.layers.empty());
  for (const LayerResult& layer : result.layers) {
    ASSERT_TRUE(layer.cut);
    for (std::size_t n = 0; n < layer.residual.size(); ++n) {
      const double scale = l1(layer.values) / static_cast<double>(layer.residual.size());
      EXPECT_LE(std::abs(layer.residual[n]), 3 * request.tolerance * scale) << layer.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, TightTolerance, ::testing::ValuesIn(testing::golden_names()),
                         [](const ::testing::TestParamInfo<std::string>& c) { return c.param; });

// Both are second order on smooth networks, so at 2,048 equal path points they agree to 1e-5; the equality itself is
// NIG_j = sum_i Cond_ij (arXiv 1807.09946).
TEST(Conductance, SummedOverInputsIsNigOnASmoothNetwork) {
  const GoldenNetwork network = testing::load_golden("smooth_mlp");
  const Model model = Model::load(network.model, {.precision = Precision::kDouble});
  const Inputs inputs = network.group("input");
  Request request = network.request(Method::kNig);
  request.quadrature = Quadrature::kTrapezoid;
  request.steps = 2048;
  const Result nig = attribute(model, inputs, request);
  request.method = Method::kConductance;
  const Result conductance = attribute(model, inputs, request);
  for (std::size_t l = 0; l < nig.layers.size(); ++l) {
    EXPECT_LE(l1_difference(nig.layers[l].values, conductance.layers[l].values), 1e-5 * l1(nig.layers[l].values))
        << nig.layers[l].name;
  }
}

}  // namespace
}  // namespace mho
