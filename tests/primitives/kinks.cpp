// A primitive that says where it bends along a line tells the whole truth: between the places it names it is affine,
// and at each of them it is not.
#include "primitives/kinks.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

using kernels::Binary;
using kernels::ReduceKind;
using kernels::Unary;
using kernels::Window;

class RandomLine {
 public:
  RandomLine(PrimitivePtr primitive, std::vector<Shape> shapes, std::uint64_t seed)
      : primitive_(std::move(primitive)), device_(kernels::make_reference_device()) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal(0, 2);
    for (const Shape& shape : shapes) {
      types_.push_back({kReal, shape});
      for (std::vector<Values>* end : {&from_, &to_}) {
        Values& values = end->emplace_back(static_cast<std::size_t>(element_count(shape)));
        for (double& v : values) v = normal(random);
      }
    }
  }

  [[nodiscard]] std::vector<double> kinks() {
    kernels::Scratch scratch;
    kernels::Workspace workspace(scratch);
    Exec exec{*device_, workspace};
    std::vector<double> at;
    primitive_->kinks(exec, {tensors(from_), tensors(to_)}, at);
    std::ranges::sort(at);
    return at;
  }
  [[nodiscard]] Values output(double t) {
    std::vector<Values> inputs = from_;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      for (std::size_t k = 0; k < inputs[i].size(); ++k) inputs[i][k] += t * (to_[i][k] - from_[i][k]);
    }
    return Evaluation(*device_, *primitive_, types_, inputs,
                      {std::vector<kernels::Layout>(inputs.size(), kernels::Layout::plain)})
        .output(0);
  }
  /// How far the output in the middle of [a, b] is from the mean of those at the ends.
  [[nodiscard]] double curvature(double a, double b) {
    const Values begin = output(a);
    const Values end = output(b);
    const Values middle = output((a + b) / 2);
    double most = 0;
    for (std::size_t i = 0; i < middle.size(); ++i) {
      most = std::max(most, std::abs(middle[i] - (begin[i] + end[i]) / 2));
    }
    return most;
  }

 private:
  std::vector<Tensor> tensors(std::vector<Values>& values) const {
    std::vector<Tensor> result;
    for (std::size_t i = 0; i < values.size(); ++i) {
      result.push_back({{DType::f64, types_[i].shape}, reinterpret_cast<std::byte*>(values[i].data()), false});
    }
    return result;
  }

  PrimitivePtr primitive_;
  std::shared_ptr<kernels::Device> device_;
  std::vector<TensorType> types_;
  std::vector<Values> from_, to_;
};

struct Bent {
  PrimitivePtr primitive;
  std::vector<Shape> shapes;
};

std::vector<Bent> bent_primitives() {
  std::vector<Bent> all;
  for (const kernels::UnaryFunction& f : {kernels::UnaryFunction{Unary::relu},
                                          {Unary::leaky_relu, 0.1},
                                          {Unary::abs},
                                          {Unary::clip, -0.5, 1.5},
                                          {Unary::hard_sigmoid, 0.4, 0.3},
                                          {Unary::hard_sigmoid, -0.7, 0.2}}) {
    all.push_back({make_unary(f), {{2, 5}}});
  }
  for (const Binary f : {Binary::max, Binary::min}) {
    all.push_back({make_binary(f), {{2, 5}, {2, 5}}});
    all.push_back({make_binary(f), {{3, 1, 2}, {4, 1}}});
  }
  for (const ReduceKind kind : {ReduceKind::max, ReduceKind::min}) {
    all.push_back({make_reduce(kind, {1}), {{2, 6, 3}}});
    all.push_back({make_reduce(kind, {0, 2}), {{2, 3, 4}}});
  }
  all.push_back({make_pool_max(window({2, 2}, 2, 0, 1)), {{1, 2, 4, 6}}});
  all.push_back({make_pool_max(window({3, 2}, 1, 1, 2)), {{2, 2, 6, 5}}});
  all.push_back({make_pool_max(window({3}, 2, 1, 1)), {{2, 3, 7}}});
  all.push_back({make_pool_max(window({2, 1, 2}, 1, 0, 1)), {{1, 1, 3, 2, 4}}});
  return all;
}

RC_GTEST_PROP(Kinks, AreWhereThePiecesMeetAndNowhereElse, ()) {
  const std::vector<Bent> all = bent_primitives();
  const Bent& bent = all[static_cast<std::size_t>(draw(0, static_cast<std::int64_t>(all.size()) - 1))];
  const Positions active = Positions::all();
  RC_ASSERT(!bent.primitive->affine(active) && bent.primitive->piecewise_affine(active));
  RandomLine line(bent.primitive, bent.shapes, draw_seed());
  std::vector<double> ends = line.kinks();
  ends.insert(ends.begin(), 0);
  ends.push_back(1);
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    RC_ASSERT(ends[i] >= 0 && ends[i + 1] <= 1);
    // Three points tell a bend anywhere but at symmetric places: also of the halves.
    const double middle = (ends[i] + ends[i + 1]) / 2;
    RC_ASSERT(line.curvature(ends[i], ends[i + 1]) < 1e-12);
    RC_ASSERT(line.curvature(ends[i], middle) < 1e-12);
    if (i == 0) continue;
    // The bend itself, seen from so near that no other one is between.
    const double near = std::min(ends[i] - ends[i - 1], ends[i + 1] - ends[i]);
    if (near > 1e-6) RC_ASSERT(line.curvature(ends[i] - near, ends[i] + near) > 1e-5 * near);
  }
}

TEST(Kinks, AreSaidOfNothingThatJumpsOrIsCurved) {
  for (const Unary kind : {Unary::sign, Unary::floor, Unary::ceil, Unary::round, Unary::thresholded_relu, Unary::tanh,
                           Unary::sigmoid, Unary::elu, Unary::softplus, Unary::exp, Unary::gelu_erf}) {
    EXPECT_FALSE(make_unary({kind, 1, 1})->piecewise_affine(Positions::of({0})));
  }
  for (const Binary f : {Binary::mul, Binary::div, Binary::mod, Binary::pow, Binary::less, Binary::equal}) {
    EXPECT_FALSE(make_binary(f)->piecewise_affine(Positions::of({0, 1})));
  }
  EXPECT_TRUE(make_binary(Binary::mul)->piecewise_affine(Positions::of({0})));
  EXPECT_FALSE(make_reduce(ReduceKind::prod, {0})->piecewise_affine(Positions::of({0})));
  EXPECT_FALSE(make_where()->piecewise_affine(Positions::of({0, 1})));
  EXPECT_FALSE(make_softmax(0)->piecewise_affine(Positions::of({0})));
}

TEST(Kinks, OfAnEnvelope) {
  // 1 - t, 1/2 and t: the flat line only touches; with 0.6 it wins between.
  std::vector<double> at;
  add_envelope_kinks(std::vector<Ray>{{1, 0}, {0.6, 0.6}, {0, 1}}, at);
  ASSERT_EQ(at.size(), 2u);
  EXPECT_NEAR(at[0], 0.4, 1e-15);
  EXPECT_NEAR(at[1], 0.6, 1e-15);
  at.clear();
  add_envelope_kinks(std::vector<Ray>{{2, 2}, {0, 1}, {2, 2}}, at);
  EXPECT_TRUE(at.empty());
  const double low = -std::numeric_limits<double>::infinity();
  add_envelope_kinks(std::vector<Ray>{{low, low}, {0, 1}, {0.25, 0.25}}, at);
  EXPECT_EQ(at, std::vector<double>{0.25});
}

}  // namespace
}  // namespace mho::primitives::testing
