// Elementwise primitives: every function, every broadcasting pattern, ties and refusals.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

using kernels::Binary;
using kernels::Unary;
using kernels::UnaryFunction;

struct UnaryRow {
  UnaryFunction f;
  double low = -2.5;
  double high = 2.5;
};

const std::vector<UnaryRow>& differentiable_functions() {
  static const std::vector<UnaryRow> rows = {
      {{Unary::neg}},
      {{Unary::abs}},
      {{Unary::sign}},
      {{Unary::sqrt}, 0.2, 3},
      {{Unary::reciprocal}, 0.3, 3},
      {{Unary::exp}},
      {{Unary::log}, 0.2, 3},
      {{Unary::floor}},
      {{Unary::ceil}},
      {{Unary::round}},
      {{Unary::sin}},
      {{Unary::cos}},
      {{Unary::tan}, -1.2, 1.2},
      {{Unary::asin}, -0.9, 0.9},
      {{Unary::acos}, -0.9, 0.9},
      {{Unary::atan}},
      {{Unary::sinh}},
      {{Unary::cosh}},
      {{Unary::asinh}},
      {{Unary::acosh}, 1.2, 4},
      {{Unary::atanh}, -0.9, 0.9},
      {{Unary::relu}},
      {{Unary::leaky_relu, 0.1}},
      {{Unary::elu, 1.3}},
      {{Unary::selu, 1.67, 1.05}},
      {{Unary::celu, 0.8}},
      {{Unary::sigmoid}},
      {{Unary::hard_sigmoid, 0.3, 0.5}},
      {{Unary::tanh}},
      {{Unary::softplus}},
      {{Unary::softsign}},
      {{Unary::erf}},
      {kernels::kGelu},
      {kernels::kGeluTanh},
      {{Unary::thresholded_relu, 0.7}},
      {{Unary::clip, -1, 1.5}},
      {{Unary::pow, 2.5}, 0.2, 2},
      {{Unary::pow, 3}},
      {{Unary::affine, 1.7, -0.4}},
  };
  return rows;
}

TEST(Unary, EveryFunctionKeepsTheContract) {
  for (const UnaryRow& row : differentiable_functions()) {
    EXPECT_EQ(defects({make_unary(row.f), {{{2, 5, 3, 7}, row.low, row.high}}}), "");
  }
}

// Zeros are common (baselines, pads, what a ReLU leaves): devices must agree on the derivative at a kink.
TEST(Unary, DevicesAgreeAtKinks) {
  for (const UnaryRow& row : differentiable_functions()) {
    std::vector<double> values;
    for (const double v : {0.0, -0.0, 1.0, -1.0, 1.5, -1.5, 0.5, -0.5, static_cast<double>(0.7F), 0.25, -0.25, 2.25}) {
      if (v >= row.low && v <= row.high) values.push_back(v);
    }
    const auto count = static_cast<std::int64_t>(values.size());
    EXPECT_EQ(defects({make_unary(row.f), {{{count}, row.low, row.high, kReal, true, values}}}), "");
  }
}

TEST(Unary, AnyShapeKeepsTheContract) {
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{37}, Shape{2, 19, 5}, Shape{1, 33, 2, 3, 2}}) {
    EXPECT_EQ(defects({make_unary({Unary::sigmoid}), {{shape}}}), "");
  }
}

TEST(Unary, PredicatesGiveBooleansAndNoGradient) {
  EXPECT_EQ(defects({make_unary({Unary::logical_not}), {{{2}, 0, 1, DType::b8, false, {0, 1}}}, {1, 0}}), "");
  EXPECT_EQ(defects({make_unary({Unary::is_nan}), {fixed(reals({2}, {0, NAN}))}, {0, 1}}), "");
  EXPECT_FALSE(make_unary({Unary::is_nan})->differentiable());
}

TEST(Unary, IntegersOnlyWhereTheyMakeSense) {
  EXPECT_EQ(defects({make_unary({Unary::neg}), {{{3}, 0, 0, DType::i64, false, {-2, 0, 5}}}, {2, 0, -5}}), "");
  EXPECT_EQ(defects({make_unary({Unary::abs}), {{{3}, 0, 0, DType::i64, false, {-2, 0, 5}}}, {2, 0, 5}}), "");
  EXPECT_EQ(defects({make_unary({Unary::sign}), {{{3}, 0, 0, DType::i64, false, {-2, 0, 5}}}, {-1, 0, 1}}), "");
  EXPECT_EQ(defects({make_unary({Unary::relu}), {{{3}, 0, 0, DType::i64, false, {-2, 0, 5}}}, {0, 0, 5}}), "");
  EXPECT_TRUE(refuses(make_unary({Unary::exp}), {{DType::i64, {3}}}));
  EXPECT_TRUE(refuses(make_unary({Unary::relu}), {{DType::b8, {3}}}));
  EXPECT_TRUE(refuses(make_unary({Unary::logical_not}), {{kReal, {3}}}));
}

struct BinaryRow {
  Binary f;
  double low = -2;
  double high = 2;
};

const std::vector<BinaryRow>& differentiable_binaries() {
  static const std::vector<BinaryRow> rows = {
      {Binary::add},         {Binary::sub}, {Binary::mul}, {Binary::div, 0.4, 2},
      {Binary::pow, 0.3, 2}, {Binary::max}, {Binary::min},
  };
  return rows;
}

TEST(Binary, EveryFunctionAndBroadcastKeepsTheContract) {
  struct Shapes {
    Shape a, b;
  };
  const std::vector<Shapes> patterns = {
      {{2, 19, 3, 2}, {2, 19, 3, 2}},
      {{2, 5, 3}, {1, 5, 1}},
      {{1, 5, 1}, {2, 5, 3}},
      {{2, 17, 3, 2}, {1, 17, 1, 1}},
      {{2, 3, 4}, {}},
      {{}, {2, 3}},
      {{3, 1}, {1, 4}},
      {{4}, {2, 3, 4}},
      {{}, {}},
  };
  for (const BinaryRow& row : differentiable_binaries()) {
    for (const Shapes& shapes : patterns) {
      if (shapes.a.empty() && shapes.b.empty() && (row.f == Binary::max || row.f == Binary::min)) continue;
      EXPECT_EQ(defects({make_binary(row.f), {{shapes.a, row.low, row.high}, {shapes.b, row.low, row.high}}}), "")
          << to_string(shapes.a) << " " << to_string(shapes.b);
    }
  }
}

TEST(Binary, OneConstantOperandKeepsTheContract) {
  for (const BinaryRow& row : differentiable_binaries()) {
    const Input full{{2, 18, 3, 3}, row.low, row.high};
    const Input channels = fixed({{1, 18, 1, 1}, row.low, row.high});
    EXPECT_EQ(defects({make_binary(row.f), {full, channels}}), "");
    EXPECT_EQ(defects({make_binary(row.f), {channels, full}}), "");
  }
}

TEST(Binary, ModuloKeepsTheContract) {
  EXPECT_EQ(defects({make_binary(Binary::mod), {{{3, 8}, -4, 4}, {{3, 8}, 1.1, 2.9}}}), "");
  EXPECT_EQ(defects({make_binary(Binary::fmod), {{{3, 8}, -4, 4}, {{3, 8}, 1.1, 2.9}}}), "");
  EXPECT_EQ(defects({make_binary(Binary::mod),
                     {fixed(reals({4}, {7, -7, 7, -7})), fixed(reals({4}, {3, 3, -3, -3}))},
                     {1, 2, -2, -1}}),
            "");
  EXPECT_EQ(defects({make_binary(Binary::fmod),
                     {fixed(reals({4}, {7, -7, 7, -7})), fixed(reals({4}, {3, 3, -3, -3}))},
                     {1, -1, 1, -1}}),
            "");
}

TEST(Binary, ComparisonsAndLogicHaveNoGradient) {
  for (const Binary f :
       {Binary::equal, Binary::less, Binary::less_or_equal, Binary::greater, Binary::greater_or_equal}) {
    EXPECT_EQ(defects({make_binary(f), {fixed({{2, 5}}), fixed({{5}})}}), "");
    EXPECT_FALSE(make_binary(f)->differentiable());
  }
  for (const Binary f : {Binary::logical_and, Binary::logical_or, Binary::logical_xor}) {
    EXPECT_EQ(defects({make_binary(f), {booleans({2, 5}), booleans({5})}}), "");
  }
  EXPECT_EQ(defects({make_binary(Binary::less), {{{2, 50}}, {{50}}}}), "");
}

TEST(Binary, IntegerArithmeticNeverTraps) {
  const auto i64 = [](Shape shape, std::vector<double> values) {
    return Input{std::move(shape), 0, 0, DType::i64, false, std::move(values)};
  };
  EXPECT_EQ(defects({make_binary(Binary::add), {i64({3}, {1, 2, 3}), i64({}, {10})}, {11, 12, 13}}), "");
  EXPECT_EQ(defects({make_binary(Binary::div), {i64({3}, {7, -7, 0}), i64({}, {2})}, {3, -3, 0}}), "");
  for (const Binary f : {Binary::div, Binary::mod, Binary::fmod}) {
    EXPECT_EQ(defects({make_binary(f), {i64({2}, {-7, -9223372036854775808.0}), i64({2}, {-1, -1})}}), "");
    EXPECT_THROW(static_cast<void>(defects({make_binary(f), {i64({}, {7}), i64({}, {0})}})), Error);
  }
  EXPECT_EQ(defects({make_binary(Binary::pow), {i64({2}, {2, -3}), i64({2}, {10, 3})}, {1024, -27}}), "");
}

TEST(Binary, TiesSendTheWholeGradientToTheFirstInput) {
  // At a tie there is no derivative to compare with, so the values are stated.
  for (const Binary f : {Binary::max, Binary::min}) {
    const Case c{make_binary(f), {reals({2}, {1, 1}), reals({2}, {1, 1})}};
    EXPECT_EQ(reference_gradients(c, {3, 4}), (std::vector<std::vector<double>>{{3, 4}, {0, 0}}));
  }
}

TEST(Binary, PowersOfZeroHaveFiniteGradients) {
  const Case c{make_binary(Binary::pow), {reals({3}, {0, 0, 0}), reals({3}, {0, 1, 2})}};
  EXPECT_EQ(reference_gradients(c, {1, 1, 1}), (std::vector<std::vector<double>>{{0, 1, 0}, {0, 0, 0}}));
}

TEST(Where, KeepsTheContract) {
  EXPECT_EQ(defects({make_where(), {booleans({2, 3, 4}), {{2, 3, 4}}, {{2, 3, 4}}}}), "");
  EXPECT_EQ(defects({make_where(), {booleans({3, 1}), {{4}}, {{2, 1, 1}}}}), "");
  EXPECT_EQ(defects({make_where(), {booleans({2, 3}), {{}}, fixed({{3}})}}), "");
  EXPECT_EQ(defects({make_where(), {booleans({5}), integers({5}, -3, 3), integers({}, 7, 7)}}), "");
}

TEST(Elementwise, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_binary(Binary::add), {{kReal, {2, 3}}, {kReal, {2}}}));
  EXPECT_TRUE(refuses(make_binary(Binary::add), {{kReal, {2}}, {DType::i64, {2}}}));
  EXPECT_TRUE(refuses(make_binary(Binary::add), {{DType::b8, {2}}, {DType::b8, {2}}}));
  EXPECT_TRUE(refuses(make_binary(Binary::logical_and), {{kReal, {2}}, {kReal, {2}}}));
  EXPECT_TRUE(refuses(make_binary(Binary::mul), {{kReal, {1LL << 40, 1}}, {kReal, {1, 1LL << 40}}}));
  EXPECT_TRUE(refuses(make_where(), {{kReal, {2}}, {kReal, {2}}, {kReal, {2}}}));
  EXPECT_TRUE(refuses(make_where(), {{DType::b8, {2}}, {kReal, {2}}, {DType::i64, {2}}}));
  EXPECT_TRUE(refuses(make_where(), {{DType::b8, {3}}, {kReal, {2}}, {kReal, {2}}}));
}

TEST(Elementwise, DeltaRulesFollowTheActiveInputs) {
  const PrimitivePtr mul = make_binary(Binary::mul);
  EXPECT_EQ(mul->delta_rule(Positions::of({0})), DeltaRule::linear);
  EXPECT_EQ(mul->delta_rule(Positions::of({0, 1})), DeltaRule::bilinear);
  const PrimitivePtr max = make_binary(Binary::max);
  EXPECT_EQ(max->delta_rule(Positions::of({1})), DeltaRule::custom);
  EXPECT_EQ(max->delta_rule(Positions::of({0, 1})), DeltaRule::custom);
  EXPECT_EQ(make_unary({Unary::relu})->delta_rule(Positions::of({0})), DeltaRule::custom);
  EXPECT_EQ(make_unary({Unary::neg})->delta_rule(Positions::of({0})), DeltaRule::linear);
}

TEST(Elementwise, CastingDownFindsTheFunction) {
  EXPECT_EQ(as_unary(*make_unary({Unary::elu, 0.5}))->alpha, 0.5);
  EXPECT_EQ(as_binary(*make_binary(Binary::pow)), Binary::pow);
  EXPECT_FALSE(as_unary(*make_where()).has_value());
  EXPECT_FALSE(as_binary(*make_unary({Unary::neg})).has_value());
}

RC_GTEST_PROP(Elementwise, RandomBroadcastsKeepTheContract, ()) {
  const BinaryRow row = *rc::gen::elementOf(differentiable_binaries());
  const Shape y = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 4);
  const auto operand = [&] {
    Shape shape(y.begin() + draw(0, static_cast<std::int64_t>(y.size())), y.end());
    for (std::int64_t& extent : shape) extent = draw_bool() ? extent : 1;
    return shape;
  };
  // One operand of the full shape: max and min need several elements to show that they are not affine.
  const Shape other = operand();
  Case c{make_binary(row.f), {{y, row.low, row.high}, {other, row.low, row.high}}};
  if (draw_bool()) std::swap(c.inputs[0], c.inputs[1]);
  for (Input& input : c.inputs) input.active = input.active && draw(0, 3) > 0;
  RC_ASSERT(defects(c, draw_seed()) == "");
}

RC_GTEST_PROP(Elementwise, RandomShapesOfEveryFunctionKeepTheContract, ()) {
  const UnaryRow row = *rc::gen::elementOf(differentiable_functions());
  // At least seven elements: fewer may miss every kink, and then the function is affine where it was tried.
  Shape shape = draw_shape(static_cast<std::size_t>(draw(0, 4)), 1, 6);
  shape.push_back(draw(7, 35));
  RC_ASSERT(defects({make_unary(row.f), {{shape, row.low, row.high}}}, draw_seed()) == "");
}

RC_GTEST_PROP(Where, RandomBroadcastsKeepTheContract, ()) {
  const Shape y = draw_shape(static_cast<std::size_t>(draw(1, 4)), 2, 4);
  const auto operand = [&] {
    Shape shape(y.begin() + draw(0, static_cast<std::int64_t>(y.size())), y.end());
    for (std::int64_t& extent : shape) extent = draw_bool() ? extent : 1;
    return shape;
  };
  Case c{make_where(), {booleans(y), {operand()}, {operand()}}};
  for (std::size_t i = 1; i < 3; ++i) c.inputs[i].active = draw(0, 3) > 0;
  RC_ASSERT(defects(c, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
