// Invariant: the reference elementwise functions are ONNX's formulas, their derivatives are the limits of difference
// quotients, and broadcasting, integers and blocked tensors change nothing about them.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "kernels/device.h"
#include "support/tensors.h"

namespace mho::kernels {
namespace {

using mho::testing::random_integers;
using mho::testing::random_tensor;
using mho::testing::TestTensor;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();

class ReferenceElementwise : public ::testing::Test {
 protected:
  std::vector<double> unary(const UnaryFunction& f, const std::vector<double>& x) {
    const Shape shape{static_cast<std::int64_t>(x.size())};
    const TestTensor in(shape, x);
    const TestTensor out(DType::f64, shape);
    device_->unary(workspace_, f, in, out);
    EXPECT_TRUE(out.intact());
    return out.values<double>();
  }
  double unary(const UnaryFunction& f, double x) { return unary(f, std::vector<double>{x})[0]; }

  /// f'(x) times gy, from the tensor that derivative_reads names alone.
  std::vector<double> unary_vjp(const UnaryFunction& f, const std::vector<double>& x, const std::vector<double>& gy) {
    const Shape shape{static_cast<std::int64_t>(x.size())};
    const TestTensor in(shape, x);
    const TestTensor out(shape, unary(f, x));
    const TestTensor g(shape, gy);
    const TestTensor gx(DType::f64, shape);
    const DerivativeReads reads = derivative_reads(f);
    device_->unary_vjp(workspace_, f, reads == DerivativeReads::x ? in.view() : Tensor{{DType::f64, shape}},
                       reads == DerivativeReads::y ? out.view() : Tensor{{DType::f64, shape}}, g, gx);
    EXPECT_TRUE(gx.intact());
    return gx.values<double>();
  }

  template <class Result, class T>
  std::vector<Result> binary(Binary f, const std::vector<T>& a, const std::vector<T>& b) {
    const Shape shape{static_cast<std::int64_t>(a.size())};
    const TestTensor left(shape, a);
    const TestTensor right(shape, b);
    const TestTensor out(DTypeOf<Result>::value, shape);
    device_->binary(workspace_, f, left, right, out);
    EXPECT_TRUE(out.intact());
    return out.values<Result>();
  }
  template <class T>
  T binary_one(Binary f, T a, T b) {
    return binary<T>(f, std::vector<T>{a}, std::vector<T>{b})[0];
  }

  TestTensor blocked(const TestTensor& plain) {
    TestTensor result(plain.view().dtype(), plain.shape(), Layout::blocked);
    device_->copy(workspace_, plain, result);
    return result;
  }
  /// Whether `blocked` holds `plain` with zeros in its padding.
  bool same(const TestTensor& blocked_tensor, const TestTensor& plain) {
    const TestTensor expected = blocked(plain);
    return blocked_tensor.intact() &&
           std::memcmp(blocked_tensor.view().data, expected.view().data, expected.view().type.bytes()) == 0;
  }

  std::unique_ptr<Device> device_ = make_reference_device();
  Scratch scratch_;
  Workspace workspace_{scratch_};
  std::mt19937 random_{7};
};

/// Where a function is smooth enough for difference quotients, and where it has kinks or jumps.
struct Domain {
  double low = -3;
  double high = 3;
  std::vector<double> kinks;
};

Domain domain_of(const UnaryFunction& f) {
  switch (f.kind) {
    case Unary::sqrt:
    case Unary::log:
    case Unary::reciprocal:
      return {0.2, 4, {}};
    case Unary::pow:
      return {f.alpha == std::trunc(f.alpha) && f.alpha >= 0 ? -2.0 : 0.3, 2, {}};
    case Unary::tan:
      return {-1.2, 1.2, {}};
    case Unary::asin:
    case Unary::acos:
    case Unary::atanh:
      return {-0.9, 0.9, {}};
    case Unary::acosh:
      return {1.2, 4, {}};
    case Unary::floor:
    case Unary::ceil:
    case Unary::round:
      return {-3, 3, {-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3}};
    case Unary::thresholded_relu:
      return {-3, 3, {f.alpha}};
    case Unary::clip:
      return {-3, 3, {f.alpha, f.beta}};
    case Unary::hard_sigmoid:
      return {-4, 4, {-f.beta / f.alpha, (1 - f.beta) / f.alpha}};
    case Unary::abs:
    case Unary::sign:
    case Unary::logical_not:
    case Unary::relu:
    case Unary::leaky_relu:
    case Unary::elu:
    case Unary::selu:
    case Unary::celu:
      return {-3, 3, {0}};
    default:
      return {};
  }
}

std::vector<UnaryFunction> functions_of(Unary kind) {
  switch (kind) {
    case Unary::leaky_relu:
      return {{kind, 0.1, 0}, {kind, 0, 0}, {kind, -0.3, 0}};
    case Unary::elu:
      return {{kind, 1, 0}, {kind, 0.7, 0}};
    case Unary::selu:
      return {{kind, 1.67326319217681884765625, 1.05070102214813232421875}};
    case Unary::celu:
      return {{kind, 1, 0}, {kind, 0.5, 0}, {kind, -0.8, 0}};
    case Unary::hard_sigmoid:
      return {{kind, 0.2, 0.5}, {kind, 1.0 / 6, 0.5}};
    case Unary::thresholded_relu:
      return {{kind, 1, 0}, {kind, -0.5, 0}};
    case Unary::clip:
      return {{kind, -1, 1.5}, {kind, 0, 6}};
    case Unary::pow:
      return {{kind, 2, 0}, {kind, 3, 0}, {kind, 0.5, 0}, {kind, -1.5, 0}, {kind, 0, 0}, {kind, 1, 0}};
    case Unary::affine:
      return {{kind, -2.5, 0.75}, {kind, 0, 3}};
    default:
      return {{kind, 0, 0}};
  }
}

TEST_F(ReferenceElementwise, EveryDerivativeIsTheLimitOfDifferenceQuotients) {
  constexpr int kPoints = 200;
  constexpr double kStep = 1e-5;
  for (int k = 0; k <= static_cast<int>(Unary::affine); ++k) {
    for (const UnaryFunction& f : functions_of(static_cast<Unary>(k))) {
      const Domain domain = domain_of(f);
      std::uniform_real_distribution<double> point(domain.low, domain.high);
      std::uniform_real_distribution<double> weight(-2, 2);
      std::vector<double> x;
      std::vector<double> gy;
      while (x.size() < kPoints) {
        const double candidate = point(random_);
        const bool near_kink = std::any_of(domain.kinks.begin(), domain.kinks.end(),
                                           [&](double kink) { return std::abs(candidate - kink) < 2 * kStep; });
        if (near_kink) continue;
        x.push_back(candidate);
        gy.push_back(weight(random_));
      }
      const auto gx = unary_vjp(f, x, gy);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double quotient = (unary(f, x[i] + kStep) - unary(f, x[i] - kStep)) / (2 * kStep);
        EXPECT_NEAR(gx[i], gy[i] * quotient, 1e-7 * (1 + std::abs(gx[i])))
            << "function " << k << " alpha " << f.alpha << " beta " << f.beta << " at " << x[i];
      }
    }
  }
}

TEST_F(ReferenceElementwise, ActivationsAreTheFormulasOfOnnx) {
  struct Case {
    UnaryFunction f;
    std::function<double(double)> formula;
  };
  const double pi = std::numbers::pi;
  const std::vector<Case> cases = {
      {{Unary::sigmoid}, [](double x) { return 1 / (1 + std::exp(-x)); }},
      {{Unary::softplus}, [](double x) { return std::log(std::exp(x) + 1); }},
      {{Unary::softsign}, [](double x) { return x / (1 + std::abs(x)); }},
      {{Unary::elu, 0.7}, [](double x) { return x < 0 ? 0.7 * (std::exp(x) - 1) : x; }},
      {{Unary::selu, 1.5, 1.1}, [](double x) { return x <= 0 ? 1.1 * (1.5 * std::exp(x) - 1.5) : 1.1 * x; }},
      {{Unary::celu, 0.6}, [](double x) { return std::max(0.0, x) + std::min(0.0, 0.6 * (std::exp(x / 0.6) - 1)); }},
      {{Unary::celu, -0.6}, [](double x) { return std::max(0.0, x) + std::min(0.0, -0.6 * (std::exp(x / -0.6) - 1)); }},
      {{Unary::hard_sigmoid, 0.3, 0.4}, [](double x) { return std::max(0.0, std::min(1.0, 0.3 * x + 0.4)); }},
      {kGelu, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {kGeluTanh, [pi](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / pi) * (x + 0.044715 * x * x * x))); }},
      {{Unary::thresholded_relu, 1.0}, [](double x) { return x > 1 ? x : 0.0; }},
      {{Unary::leaky_relu, 0.1}, [](double x) { return x < 0 ? 0.1 * x : x; }},
      {{Unary::clip, -1, 0.5}, [](double x) { return std::min(std::max(x, -1.0), 0.5); }},
      {{Unary::relu}, [](double x) { return std::max(x, 0.0); }},
      {{Unary::sign}, [](double x) { return static_cast<double>((x > 0) - (x < 0)); }},
  };
  for (const Case& c : cases) {
    for (double x = -6; x <= 6; x += 0.125) {
      EXPECT_NEAR(unary(c.f, x), c.formula(x), 1e-13 * (1 + std::abs(x)))
          << "function " << static_cast<int>(c.f.kind) << " at " << x;
    }
  }
}

TEST_F(ReferenceElementwise, SigmoidAndSoftplusStayFiniteAndExactInTheTails) {
  EXPECT_EQ(unary({Unary::sigmoid}, 1000), 1);
  EXPECT_EQ(unary({Unary::sigmoid}, -1000), 0);
  EXPECT_NEAR(unary({Unary::sigmoid}, -100) / std::exp(-100.0), 1, 1e-14);
  EXPECT_EQ(unary({Unary::softplus}, 1000), 1000);
  EXPECT_NEAR(unary({Unary::softplus}, -100) / std::exp(-100.0), 1, 1e-14);
  EXPECT_EQ(unary(kGeluTanh, 1e6), 1e6);
  EXPECT_EQ(unary(kGeluTanh, -1e6), 0);
  EXPECT_EQ(unary_vjp({Unary::softplus}, {1000, -1000}, {1, 1}), (std::vector<double>{1, 0}));
}

TEST_F(ReferenceElementwise, RectifiersAndAbsHaveDerivativeZeroAtTheKink) {
  EXPECT_EQ(unary_vjp({Unary::relu}, {0}, {1})[0], 0);
  EXPECT_EQ(unary_vjp({Unary::abs}, {0}, {1})[0], 0);
}

TEST_F(ReferenceElementwise, RoundTakesHalvesToTheEvenNeighbour) {
  EXPECT_EQ(unary({Unary::round}, {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.5000001}),
            (std::vector<double>{-2, -2, 0, 0, 2, 2, 3}));
}

TEST_F(ReferenceElementwise, NanPassesThroughEveryRealFunction) {
  for (int k = 0; k <= static_cast<int>(Unary::affine); ++k) {
    const auto kind = static_cast<Unary>(k);
    if (kind == Unary::is_nan || kind == Unary::logical_not) continue;
    for (const UnaryFunction& f : functions_of(kind)) {
      if (kind == Unary::pow && f.alpha == 0) continue;  // C and numpy: NaN^0 = 1
      EXPECT_TRUE(std::isnan(unary(f, kNan))) << "function " << k;
    }
  }
}

TEST_F(ReferenceElementwise, LogicalAndNanTestsGiveBooleans) {
  const TestTensor x({4}, std::vector<double>{0, kNan, kInfinity, 1});
  const TestTensor nan(DType::b8, {4});
  device_->unary(workspace_, {Unary::is_nan}, x, nan);
  EXPECT_EQ(nan.values<bool>(), (std::vector<bool>{false, true, false, false}));
  const TestTensor negated(DType::b8, {4});
  device_->unary(workspace_, {Unary::logical_not}, nan, negated);
  EXPECT_EQ(negated.values<bool>(), (std::vector<bool>{true, false, true, true}));
}

TEST_F(ReferenceElementwise, IntegersStayExactBeyondTheDoubles) {
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  const TestTensor x({3}, std::vector<std::int64_t>{large, -large, kSmallest});
  const TestTensor y(DType::i64, {3});
  device_->unary(workspace_, {Unary::neg}, x, y);
  EXPECT_EQ(y.values<std::int64_t>(), (std::vector<std::int64_t>{-large, large, kSmallest}));
  device_->unary(workspace_, {Unary::abs}, x, y);
  EXPECT_EQ(y.values<std::int64_t>(), (std::vector<std::int64_t>{large, large, kSmallest}));
}

TEST_F(ReferenceElementwise, UnaryWorksInPlace) {
  const TestTensor x({3}, std::vector<double>{-1, 0.5, 2});
  device_->unary(workspace_, {Unary::affine, 2, 1}, x, x);
  EXPECT_EQ(x.values<double>(), (std::vector<double>{-1, 2, 5}));
}

TEST_F(ReferenceElementwise, IntegerDivisionTruncatesAndRemaindersTakeTheRightSign) {
  using Integers = std::vector<std::int64_t>;
  const Integers a{7, -7, 7, -7, kSmallest};
  const Integers b{2, 2, -2, -2, -1};
  EXPECT_EQ((binary<std::int64_t>(Binary::div, a, b)), (Integers{3, -3, -3, 3, kSmallest}));
  EXPECT_EQ((binary<std::int64_t>(Binary::fmod, a, b)), (Integers{1, -1, 1, -1, 0}));
  EXPECT_EQ((binary<std::int64_t>(Binary::mod, a, b)), (Integers{1, 1, -1, -1, 0}));
  EXPECT_EQ((binary<double>(Binary::fmod, std::vector<double>{5.5, -5.5}, {2, 2})), (std::vector<double>{1.5, -1.5}));
  EXPECT_EQ((binary<double>(Binary::mod, std::vector<double>{5.5, -5.5}, {2, 2})), (std::vector<double>{1.5, 0.5}));
}

TEST_F(ReferenceElementwise, IntegerDivisionByZeroIsAnErrorAndRealDivisionIsNot) {
  for (const Binary f : {Binary::div, Binary::mod, Binary::fmod}) {
    try {
      binary_one<std::int64_t>(f, 1, 0);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
    }
    EXPECT_THROW(binary_one<std::int32_t>(f, 1, 0), Error);
  }
  EXPECT_EQ(binary_one<double>(Binary::div, 1, 0), kInfinity);
}

TEST_F(ReferenceElementwise, IntegerPowersAreExact) {
  EXPECT_EQ(binary_one<std::int64_t>(Binary::pow, 3, 39), 4052555153018976267);
  EXPECT_EQ(binary_one<std::int64_t>(Binary::pow, -2, 63), kSmallest);
  EXPECT_EQ(binary_one<std::int64_t>(Binary::pow, 0, 0), 1);
  EXPECT_EQ(binary_one<std::int64_t>(Binary::pow, 2, -1), 0);
  EXPECT_EQ(binary_one<std::int64_t>(Binary::pow, -1, -3), -1);
  EXPECT_THROW(binary_one<std::int64_t>(Binary::pow, 0, -1), Error);
}

TEST_F(ReferenceElementwise, MaxAndMinPropagateNanFromEitherSide) {
  for (const Binary f : {Binary::max, Binary::min}) {
    EXPECT_TRUE(std::isnan(binary_one(f, kNan, 1.0)));
    EXPECT_TRUE(std::isnan(binary_one(f, 1.0, kNan)));
  }
  EXPECT_EQ(binary_one(Binary::max, -1.0, 2.0), 2);
  EXPECT_EQ(binary_one(Binary::min, -1.0, 2.0), -1);
}

TEST_F(ReferenceElementwise, ComparisonsGiveBooleans) {
  const std::vector<std::int64_t> a{1, 2, 3};
  const std::vector<std::int64_t> b{2, 2, 2};
  using Bits = std::vector<bool>;
  EXPECT_EQ((binary<bool>(Binary::equal, a, b)), (Bits{false, true, false}));
  EXPECT_EQ((binary<bool>(Binary::less, a, b)), (Bits{true, false, false}));
  EXPECT_EQ((binary<bool>(Binary::less_or_equal, a, b)), (Bits{true, true, false}));
  EXPECT_EQ((binary<bool>(Binary::greater, a, b)), (Bits{false, false, true}));
  EXPECT_EQ((binary<bool>(Binary::greater_or_equal, a, b)), (Bits{false, true, true}));
  const TestTensor p(DType::b8, {4});
  const TestTensor q(DType::b8, {4});
  // Any byte but 0 is true.
  const unsigned char left[] = {0, 0, 1, 2};
  const unsigned char right[] = {0, 1, 0, 1};
  std::memcpy(p.view().data, left, 4);
  std::memcpy(q.view().data, right, 4);
  const TestTensor y(DType::b8, {4});
  device_->binary(workspace_, Binary::logical_and, p, q, y);
  EXPECT_EQ(y.values<bool>(), (Bits{false, false, false, true}));
  device_->binary(workspace_, Binary::logical_or, p, q, y);
  EXPECT_EQ(y.values<bool>(), (Bits{false, true, true, true}));
  device_->binary(workspace_, Binary::logical_xor, p, q, y);
  EXPECT_EQ(y.values<bool>(), (Bits{false, true, true, false}));
  device_->binary(workspace_, Binary::equal, p, q, y);
  EXPECT_EQ(y.values<bool>(), (Bits{true, false, false, true}));
}

/// A shape that broadcasts to `to`: some extents 1, leading axes dropped.
Shape draw_broadcastable(const Shape& to) {
  const auto dropped = *rc::gen::inRange<std::size_t>(0, to.size() + 1);
  Shape shape(to.begin() + static_cast<std::ptrdiff_t>(dropped), to.end());
  for (std::int64_t& extent : shape) {
    if (*rc::gen::arbitrary<bool>()) extent = 1;
  }
  return shape;
}

TEST_F(ReferenceElementwise, BroadcastingEqualsWorkingOnRepeatedCopies) {
  EXPECT_TRUE(rc::check([&] {
    const auto rank = *rc::gen::inRange<std::size_t>(0, 5);
    const Shape shape = *rc::gen::container<Shape>(rank, rc::gen::inRange<std::int64_t>(0, 5));
    const TestTensor a = random_tensor(draw_broadcastable(shape), random_);
    const TestTensor b = random_tensor(draw_broadcastable(shape), random_);
    const TestTensor condition = random_integers<bool>(draw_broadcastable(shape), random_, 0, 1);
    const TestTensor full_a(DType::f64, shape);
    const TestTensor full_b(DType::f64, shape);
    const TestTensor full_condition(DType::b8, shape);
    device_->broadcast(workspace_, a, full_a);
    device_->broadcast(workspace_, b, full_b);
    device_->broadcast(workspace_, condition, full_condition);
    const TestTensor y(DType::f64, shape);
    const TestTensor expected(DType::f64, shape);
    device_->binary(workspace_, Binary::sub, a, b, y);
    device_->binary(workspace_, Binary::sub, full_a, full_b, expected);
    RC_ASSERT(y.values<double>() == expected.values<double>());
    device_->where(workspace_, condition, a, b, y);
    device_->where(workspace_, full_condition, full_a, full_b, expected);
    RC_ASSERT(y.values<double>() == expected.values<double>());
    for (std::size_t i = 0; i < y.as<double>().size(); ++i) {
      RC_ASSERT(y.as<double>()[i] == (full_condition.as<bool>()[i] ? full_a : full_b).as<double>()[i]);
    }
    RC_ASSERT(y.intact());
  }));
}

TEST_F(ReferenceElementwise, BlockedTensorsGiveThePlainResultWithZeroPadding) {
  EXPECT_TRUE(rc::check([&] {
    const auto rank = *rc::gen::inRange<std::size_t>(3, 6);
    Shape shape = *rc::gen::container<Shape>(rank, rc::gen::inRange<std::int64_t>(1, 4));
    shape[1] = *rc::gen::inRange<std::int64_t>(1, 40);
    Shape channels(rank, 1);
    channels[1] = shape[1];
    const TestTensor a = random_tensor(shape, random_);
    const TestTensor b = random_tensor(shape, random_);
    const TestTensor per_channel = random_tensor(channels, random_);
    const TestTensor one = random_tensor(Shape{}, random_);
    const TestTensor blocked_a = blocked(a);
    const TestTensor blocked_b = blocked(b);
    const TestTensor y(DType::f64, shape);
    const TestTensor blocked_y(DType::f64, shape, Layout::blocked);

    device_->unary(workspace_, {Unary::cos}, a, y);  // cos(0) = 1 must not stay in the padding
    device_->unary(workspace_, {Unary::cos}, blocked_a, blocked_y);
    RC_ASSERT(same(blocked_y, y));
    device_->unary_vjp(workspace_, {Unary::cos}, a, y, b, y);
    device_->unary_vjp(workspace_, {Unary::cos}, blocked_a, blocked_y, blocked_b, blocked_y);
    RC_ASSERT(same(blocked_y, y));
    device_->binary(workspace_, Binary::div, a, b, y);
    device_->binary(workspace_, Binary::div, blocked_a, blocked_b, blocked_y);  // 0 / 0 in the padding
    RC_ASSERT(same(blocked_y, y));
    for (const TestTensor* plain : {&per_channel, &one}) {
      device_->binary(workspace_, Binary::sub, *plain, a, y);
      device_->binary(workspace_, Binary::sub, *plain, blocked_a, blocked_y);
      RC_ASSERT(same(blocked_y, y));
      device_->binary(workspace_, Binary::sub, a, *plain, y);
      device_->binary(workspace_, Binary::sub, blocked_a, *plain, blocked_y);
      RC_ASSERT(same(blocked_y, y));
    }
    device_->add_into(workspace_, b, y);
    device_->add_into(workspace_, blocked_b, blocked_y);
    RC_ASSERT(same(blocked_y, y));
  }));
}

TEST_F(ReferenceElementwise, AddIntoAddsEveryElement) {
  const TestTensor x({3}, std::vector<std::int64_t>{1, 2, 3});
  const TestTensor y({3}, std::vector<std::int64_t>{10, 20, 30});
  device_->add_into(workspace_, x, y);
  EXPECT_EQ(y.values<std::int64_t>(), (std::vector<std::int64_t>{11, 22, 33}));
}

}  // namespace
}  // namespace mho::kernels
