// Invariant: after the first runs nothing is allocated and no primitive is made, however long the path is.
#include <gtest/gtest.h>
#include <mho/attribution.h>
#include <mho/io.h>

#include <algorithm>
#include <ostream>

#include "counting.h"

namespace mho {
namespace {

using testing::Counting;
using testing::Counts;

struct Case {
  const char* name;
  const char* model;
  const char* input;
  Shape shape;
};
std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

Array ramp(const Shape& shape) {
  Array array(DType::f32, shape);
  float value = -1;
  for (float& v : array.as<float>()) v = value = value > 1 ? -1 : value + 0.037F;
  return array;
}

class SteadyState : public ::testing::TestWithParam<std::tuple<Case, int, Precision>> {
 protected:
  SteadyState()
      : one(std::get<0>(GetParam())),
        model(Model::load(std::string(MHO_SOURCE_DIR) + one.model,
                          {.precision = std::get<2>(GetParam()), .threads = std::get<1>(GetParam())})),
        inputs{{one.input, ramp(one.shape)}} {
    request.micro_batch = 4;
  }

  /// What a run with cached Plans takes.
  Counts counts(std::int64_t steps) {
    request.steps = steps;
    static_cast<void>(attribute(model, inputs, request));
    const Counting counting;
    static_cast<void>(attribute(model, inputs, request));
    return counting.so_far();
  }
  void expect_the_same(std::int64_t few, std::int64_t many) {
    const Counts a = counts(few), b = counts(many);
    EXPECT_EQ(a.allocations, b.allocations);
    EXPECT_EQ(a.primitives, 0);
    EXPECT_EQ(b.primitives, 0);
    // Checking the request, choosing the target, the result.
    EXPECT_LT(a.allocations, 500);
  }

  Case one;
  Model model;
  Inputs inputs;
  Request request;
};

TEST_P(SteadyState, OfTrapezoids) {
  request.quadrature = Quadrature::kTrapezoid;
  expect_the_same(15, 63);
}
TEST_P(SteadyState, OfSecants) {
  request.quadrature = Quadrature::kSecant;
  expect_the_same(15, 63);
}

// K = 8, 16, …, 256: what the points of a level are kept in is taken as it begins, and each of the two sums takes what
// it carries from one micro-batch to the next once.
TEST(AdaptiveRun, AllocatesWhereALevelBeginsAndNotBetweenMicroBatches) {
  const Model model = Model::load(MHO_SOURCE_DIR "/tests/golden/data/smooth_mlp.onnx");
  const Port port = model.inputs().front();
  Shape shape = port.shape;
  shape[0] = 1;
  const Inputs inputs{{port.name, ramp(shape)}};
  Request request;
  request.micro_batch = 4;
  request.tolerance = 1e-12;
  request.max_steps = 256;
  const Counting counting;
  int allocating = 0, all = 0, primitives_before = 0;
  std::int64_t evaluations = 0, before = 0;
  for (int run = 0; run < 2; ++run) {
    allocating = all = 0;
    evaluations = 0;
    primitives_before = static_cast<int>(counting.so_far().primitives);
    request.progress = [&](const Progress& progress) {
      if (progress.evaluations == evaluations) return true;  // asked between operators
      evaluations = progress.evaluations;
      const std::int64_t now = counting.so_far().allocations;
      if (all++ > 0 && now > before) ++allocating;
      before = now;
      return true;
    };
    EXPECT_EQ(attribute(model, inputs, request).steps[0], 256);
  }
  EXPECT_GT(primitives_before, 0) << "the counter counts";
  EXPECT_EQ(counting.so_far().primitives, primitives_before);
  EXPECT_GE(all, 64);
  EXPECT_LE(allocating, 6) << "of " << all;
}

const Case kCases[] = {{"mlp", "/examples/digits/mlp.onnx", "image", {1, 1, 8, 8}},
                       {"cnn", "/examples/digits/cnn.onnx", "image", {1, 1, 8, 8}}};

INSTANTIATE_TEST_SUITE_P(All, SteadyState,
                         ::testing::Combine(::testing::ValuesIn(kCases), ::testing::Values(1, 2),
                                            ::testing::Values(Precision::kSingle, Precision::kDouble)));

}  // namespace
}  // namespace mho
