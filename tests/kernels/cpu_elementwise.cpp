// Invariant: elementwise verbs and path arithmetic on the CPU device equal the reference, in both layouts, and keep
// channel padding zero.
#include <gtest/gtest.h>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

constexpr double kTolerance = 1e-6;

/// A function with arguments for which it is defined.
struct Case {
  UnaryFunction f;
  double low = -4;
  double high = 4;
};

const std::vector<Case>& unary_cases() {
  static const std::vector<Case> cases{
      {{Unary::neg}},
      {{Unary::abs}},
      {{Unary::sign}},
      {{Unary::sqrt}, 0.1, 9},
      {{Unary::reciprocal}, 0.2, 9},
      {{Unary::exp}, -5, 5},
      {{Unary::exp}, -100, 20},
      {{Unary::log}, 1e-3, 1e3},
      {{Unary::log}, 0.5, 2},
      {{Unary::floor}},
      {{Unary::ceil}},
      {{Unary::round}},
      {{Unary::sin}},
      {{Unary::cos}},
      {{Unary::atan}},
      {{Unary::relu}},
      {{Unary::leaky_relu, 0.1}},
      {{Unary::leaky_relu, -0.5}},
      {{Unary::elu, 1.3}},
      {{Unary::selu, 1.67, 1.05}},
      {{Unary::celu, 0.7}},
      {{Unary::sigmoid}},
      {{Unary::sigmoid}, -60, 60},
      {{Unary::hard_sigmoid, 0.2, 0.5}},
      {{Unary::tanh}},
      {{Unary::tanh}, -1e-2, 1e-2},
      {{Unary::softplus}},
      {{Unary::softplus}, -30, -5},
      {{Unary::softsign}},
      {{Unary::erf}},
      {{Unary::erf}, -1e-2, 1e-2},
      {kGelu},
      {kGelu, -6, -3},
      {kGeluTanh},
      {kGeluTanh, -6, -3},
      {{Unary::thresholded_relu, 0.7}},
      {{Unary::clip, -1, 1.5}},
      {{Unary::pow, 2}},
      {{Unary::pow, 3}},
      {{Unary::pow, 0.5}, 0.1, 4},
      {{Unary::affine, -1.7, 0.3}},
  };
  return cases;
}

Layout draw_layout() { return draw_one({Layout::plain, Layout::blocked}); }
Shape draw_image() {
  Shape shape = draw_shape(static_cast<std::size_t>(draw(3, 5)), 1, 5);
  shape[1] = draw_one<std::int64_t>({1, 3, 16, 20, 33});
  return shape;
}

TEST(CpuElementwise, UnaryFunctionsAndDerivativesEqualReference) {
  for (const Case& c : unary_cases()) {
    const auto property = [&c] {
      Bench bench(draw_seed());
      const Layout layout = draw_layout();
      const Shape shape = draw_image();
      const Pair x = bench.random(shape, layout, c.low, c.high);
      const Pair gy = bench.random(shape, layout);
      const Pair y = bench.output(shape, layout);
      const Pair gx = bench.output(shape, layout);
      bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
        device.unary(workspace, c.f, pick(x), pick(y));
      });
      bench.expect_equal(y, kTolerance, "y");
      // Derivatives start from the same numbers on both, and read only what derivative_reads() names.
      set_values(y.reference, values(y.cpu));
      bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
        const DerivativeReads reads = derivative_reads(c.f);
        device.unary_vjp(workspace, c.f, reads == DerivativeReads::x ? pick(x) : Tensor{},
                         reads == DerivativeReads::y ? pick(y) : Tensor{}, pick(gy), pick(gx));
      });
      bench.expect_equal(gx, kTolerance, "gx");
    };
    const std::string name = "function " + std::to_string(static_cast<int>(c.f.kind));
    EXPECT_TRUE(rc::check(name, property)) << name;
  }
}

TEST(CpuElementwise, FastFunctionsAreAccurateToEveryLastDigitOfAFloat) {
  const auto device = make_cpu_device(1);
  const auto reference = make_reference_device();
  Scratch scratch;
  for (const UnaryFunction& f : {UnaryFunction{Unary::exp},
                                 {Unary::log},
                                 {Unary::sigmoid},
                                 {Unary::tanh},
                                 {Unary::softplus},
                                 {Unary::erf},
                                 kGelu,
                                 kGeluTanh}) {
    const Unary kind = f.kind;
    constexpr std::int64_t kPoints = 20001;
    Array x(DType::f32, {kPoints}), y(DType::f32, {kPoints}), x64(DType::f64, {kPoints}), y64(DType::f64, {kPoints});
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const double t = (static_cast<double>(i) - 10000) / 10000;
      const auto value = static_cast<float>(kind == Unary::log ? std::exp(80 * t) : 12 * t * t * t);
      x.as<float>()[static_cast<std::size_t>(i)] = value;
      x64.as<double>()[static_cast<std::size_t>(i)] = value;
    }
    const auto view = [](Array& a) { return Tensor{{a.dtype(), a.shape(), Layout::plain}, a.bytes().data(), false}; };
    Workspace workspace(scratch), workspace64(scratch);
    device->unary(workspace, f, view(x), view(y));
    reference->unary(workspace64, f, view(x64), view(y64));
    for (std::int64_t i = 0; i < kPoints; ++i) {
      const double expected = y64.at(i);
      ASSERT_NEAR(y.at(i), expected, 2e-7 * std::abs(expected) + 1e-15) << static_cast<int>(kind) << " at " << x.at(i);
    }
  }
}

TEST(CpuElementwise, SpecialValuesAreThoseOfTheReference) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> special{0, -0.0, kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(), 1, -1};
  Bench bench(1);
  for (const Case& c : unary_cases()) {
    const Pair x = bench.output({7});
    set_values(x.reference, special);
    set_values(x.cpu, special);
    const Pair y = bench.output({7});
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.unary(workspace, c.f, pick(x), pick(y));
    });
    const auto expected = values(y.reference);
    const auto actual = values(y.cpu);
    for (std::size_t i = 0; i < special.size(); ++i) {
      if (std::isfinite(expected[i])) {
        EXPECT_NEAR(actual[i], expected[i], 1e-6) << static_cast<int>(c.f.kind) << " of " << special[i];
      } else {
        EXPECT_TRUE(actual[i] == expected[i] || (std::isnan(actual[i]) && std::isnan(expected[i])))
            << static_cast<int>(c.f.kind) << " of " << special[i] << ": " << actual[i] << ", not " << expected[i];
      }
    }
  }
}

const std::vector<Binary>& arithmetic() {
  static const std::vector<Binary> all{Binary::add, Binary::sub, Binary::mul,  Binary::div, Binary::pow,
                                       Binary::max, Binary::min, Binary::fmod, Binary::mod};
  return all;
}

TEST(CpuElementwise, BinaryBroadcastsLikeReference) {
  EXPECT_TRUE(rc::check("plain", [] {
    const Binary f = *rc::gen::elementOf(arithmetic());
    Bench bench(draw_seed());
    const Shape y_shape = draw_shape(static_cast<std::size_t>(draw(0, 5)), 1, 5);
    const auto operand = [&] {
      Shape shape(y_shape.begin() + draw(0, static_cast<std::int64_t>(y_shape.size())), y_shape.end());
      for (auto& extent : shape) extent = draw(0, 2) == 0 ? 1 : extent;
      return shape;
    };
    const Shape a_shape = draw(0, 1) == 0 ? y_shape : operand();
    const Shape b_shape = a_shape == y_shape ? operand() : y_shape;
    const Pair a = bench.random(a_shape, Layout::plain, 0.5, 4);
    const Pair b = bench.random(b_shape, Layout::plain, 0.5, 4);
    const Pair y = bench.output(y_shape);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.binary(workspace, f, pick(a), pick(b), pick(y));
    });
    bench.expect_equal(y, kTolerance, "y");
  }));
}

TEST(CpuElementwise, BinaryOnBlockedTensorsEqualsReference) {
  EXPECT_TRUE(rc::check("blocked", [] {
    const Binary f = *rc::gen::elementOf(arithmetic());
    Bench bench(draw_seed());
    const Shape shape = draw_image();
    Shape channel(shape.size(), 1);
    channel[1] = shape[1];
    const std::int64_t kind = draw(0, 2);  // equal shapes, one number per channel, one number
    const Pair full = bench.random(shape, Layout::blocked, 0.5, 4);
    const Pair other = kind == 0 ? bench.random(shape, Layout::blocked, 0.5, 4)
                                 : bench.random(kind == 1 ? channel : Shape(shape.size(), 1), Layout::plain, 0.5, 4);
    const bool swap = *rc::gen::arbitrary<bool>();
    const Pair& a = swap ? other : full;
    const Pair& b = swap ? full : other;
    const Pair y = bench.output(shape, Layout::blocked);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.binary(workspace, f, pick(a), pick(b), pick(y));
    });
    bench.expect_equal(y, kTolerance, "y");
  }));
}

TEST(CpuElementwise, ComparisonsAndWhereEqualReference) {
  EXPECT_TRUE(rc::check("comparisons", [] {
    const Binary f = draw_one({Binary::equal, Binary::less, Binary::less_or_equal, Binary::greater});
    Bench bench(draw_seed());
    const Layout layout = draw_layout();
    const Shape shape = draw_image();
    const Pair a = bench.random(shape, layout);
    const Pair b = *rc::gen::arbitrary<bool>() ? bench.clone(a) : bench.random(shape, layout);
    const Pair condition = bench.output(shape, layout, DType::b8);
    const Pair y = bench.output(shape, layout);
    bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
      device.binary(workspace, f, pick(a), pick(b), pick(condition));
      device.where(workspace, pick(condition), pick(a), pick(b), pick(y));
    });
    bench.expect_equal(condition, 0, "condition");
    bench.expect_equal(y, 0, "y");
  }));
}

TEST(CpuElementwise, SumsAndPathsEqualReference) {
  EXPECT_TRUE(rc::check("path", [] {
    Bench bench(draw_seed());
    const Layout layout = draw_layout();
    const Shape shape = draw_image();
    const Pair a = bench.random(shape, layout);
    const Pair b = bench.random(shape, layout);
    const Pair g0 = bench.random(shape, layout);
    const Pair g1 = bench.random(shape, layout);
    const Pair sum = bench.clone(a);
    const Pair between = bench.output(shape, layout);
    const Pair end = bench.output(shape, layout);
    const auto accumulator = [&] {
      Pair acc{bench.random(shape).reference, {}};
      acc.cpu = bench.output(shape, layout, DType::f64).cpu;
      set_values(acc.cpu, values(acc.reference));
      return acc;
    };
    const Pair trapezoid = accumulator();
    const Pair step = accumulator();
    const Pair weighted = accumulator();
    bench.run(
        [&](Device& device, Workspace& workspace, const Pick& pick) {
          device.add_into(workspace, pick(b), pick(sum));
          device.interpolate(pick(a), pick(b), 0.3, pick(between));
          device.interpolate(pick(a), pick(b), 1, pick(end));
          device.accumulate_path(0.3, pick(g0), 0.7, pick(g1), pick(a), pick(b), pick(trapezoid));
          device.accumulate_path(0.3, pick(g0), 0.7, {}, pick(a), pick(b), pick(step));
          device.accumulate(-0.4, pick(g0), pick(weighted));
        },
        true);
    bench.expect_equal(sum, kTolerance, "add_into");
    bench.expect_equal(between, kTolerance, "interpolate");
    RC_ASSERT(values(end.cpu) == values(b.cpu));
    bench.expect_equal(trapezoid, 1e-14, "accumulate_path");
    bench.expect_equal(step, 1e-14, "accumulate_path without g1");
    bench.expect_equal(weighted, 1e-14, "accumulate");
  }));
}

TEST(CpuElementwise, SumsOfSeveralSetsEqualReference) {
  EXPECT_TRUE(rc::check("sets", [] {
    Bench bench(draw_seed());
    const Layout layout = draw_layout();
    const Shape shape = draw_image();
    Shape several = shape;
    several[0] *= *rc::gen::inRange(1, 5);
    const Pair g0 = bench.random(several, layout);
    const Pair g1 = bench.random(several, layout);
    const Pair y0 = bench.random(several, layout);
    const Pair y1 = bench.random(several, layout);
    const auto accumulator = [&] {
      Pair acc{bench.random(shape).reference, {}};
      acc.cpu = bench.output(shape, layout, DType::f64).cpu;
      set_values(acc.cpu, values(acc.reference));
      return acc;
    };
    const Pair trapezoid = accumulator();
    const Pair step = accumulator();
    bench.run(
        [&](Device& device, Workspace&, const Pick& pick) {
          device.accumulate_path(0.3, pick(g0), 0.7, pick(g1), pick(y0), pick(y1), pick(trapezoid));
          device.accumulate_path(-1, pick(g0), 0, {}, pick(y0), pick(y1), pick(step));
        },
        true);
    bench.expect_equal(trapezoid, 1e-14, "accumulate_path");
    bench.expect_equal(step, 1e-14, "accumulate_path without g1");
  }));
}

}  // namespace
}  // namespace mho::kernels::testing
