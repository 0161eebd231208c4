// Invariant: multipliers stay bounded and sums exact where differences vanish; RevealCancel's parts change no sum, and
// are the same on both devices.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu_support.h"

namespace mho::kernels::testing {
namespace {

/// A function and an interval in which it is defined and its slope at most `steepest`.
struct Case {
  UnaryFunction f;
  double low = -3;
  double high = 3;
  double steepest = 2;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> list{{{Unary::relu}},
                                      {{Unary::leaky_relu, 0.1}},
                                      {{Unary::elu, 1.3}},
                                      {{Unary::selu, 1.67, 1.05}},
                                      {{Unary::sigmoid}},
                                      {{Unary::hard_sigmoid, 0.2, 0.5}},
                                      {{Unary::tanh}},
                                      {{Unary::softplus}},
                                      {{Unary::softsign}},
                                      {{Unary::erf}},
                                      {kGelu},
                                      {kGeluTanh},
                                      {{Unary::clip, -1, 1.5}},
                                      {{Unary::abs}},
                                      {{Unary::sin}},
                                      {{Unary::exp}, -3, 3, 21},
                                      {{Unary::log}, 0.25, 4, 4},
                                      {{Unary::sqrt}, 0.25, 4, 1},
                                      {{Unary::reciprocal}, 0.25, 4, 16},
                                      {{Unary::pow, 3}, -3, 3, 27}};
  return list;
}

/// Multipliers of y = f(x) for one x and one x', as `device` has them.
double multiplier(Device& device, const UnaryFunction& f, double x, double rx) {
  const DType real = device.real();
  Scratch scratch;
  Workspace workspace(scratch);
  const auto tensor = [&](double value) {
    const Tensor t = workspace.temporary({real, {1}});
    device.fill(t, value);
    return t;
  };
  const Tensor tx = tensor(x), trx = tensor(rx), y = tensor(0), ry = tensor(0), my = tensor(1), mx = tensor(0);
  device.unary(workspace, f, tx, y);
  device.unary(workspace, f, trx, ry);
  device.unary_multipliers(workspace, f, tx, trx, y, ry, my, mx);
  return values(mx)[0];
}

// From one side of x' to the other through every size of difference down to the smallest number there is.
TEST(Multipliers, DifferencesWalkThroughZero) {
  const auto reference = make_reference_device();
  const auto cpu = make_cpu_device(1);
  for (Device* device : {reference.get(), cpu.get()}) {
    const bool single = device->real() == DType::f32;
    for (const Case& c : cases()) {
      for (const double at : {0.0, 0.3, 1.0, 1.5, -0.7}) {
        if (at < c.low || at > c.high) continue;
        for (int exponent = 0; exponent < 60; ++exponent) {
          for (const double sign : {1.0, -1.0}) {
            double x = at + sign * 0.05 * std::pow(10, -exponent);
            double rx = at;
            if (single) {
              x = static_cast<float>(x);
              rx = static_cast<float>(rx);
            }
            const double m = multiplier(*device, c.f, x, rx);
            ASSERT_TRUE(std::isfinite(m)) << static_cast<int>(c.f.kind) << " at " << at << ", 1e-" << exponent;
            // Mean value theorem: a slope that f has somewhere between x' and x, to the rounding of the threshold.
            EXPECT_LE(std::abs(m), c.steepest * 1.05) << static_cast<int>(c.f.kind) << " at " << at << ", " << x - rx;
          }
        }
        EXPECT_TRUE(std::isfinite(multiplier(*device, c.f, at, at)));
      }
    }
  }
}

// Beyond the threshold it is the ratio, below it the slope: they meet without a jump where f is smooth.
TEST(Multipliers, RatioAndSlopeMeet) {
  const auto reference = make_reference_device();
  for (const double x : {0.4, -1.1, 2.0}) {
    const double slope = 1 - std::tanh(x) * std::tanh(x);
    for (int exponent = 1; exponent < 20; ++exponent) {
      const double delta = std::pow(10, -exponent);
      const double m = multiplier(*reference, {Unary::tanh}, x + delta / 2, x - delta / 2);
      EXPECT_NEAR(m, slope, delta * delta + 0.02 * std::pow(10, std::min(0, exponent - 14) * 1.0) + 1e-12)
          << x << ", " << delta;
    }
  }
}

TEST(Multipliers, RevealCancelChangesNoSumAndIsTheSameOnBothDevices) {
  for (const Case& c : cases()) {
    const auto property = [&c] {
      Bench bench(draw_seed());
      Shape shape = draw_shape(4, 1, 4);
      shape[1] = draw_one<std::int64_t>({1, 3, 16, 20});
      const Layout layout = draw_one({Layout::plain, Layout::blocked});
      const double middle = (c.low + c.high) / 2, quarter = (c.high - c.low) / 4;
      const Pair x = bench.random(shape, layout, middle, middle + quarter);
      const Pair rx = bench.random(shape, layout, middle - quarter / 2, middle + quarter);
      const Pair change = bench.random(shape, layout, 0, quarter / 2);
      const Pair my = bench.random(shape, layout);
      const Pair even = bench.output(shape, layout), odd = bench.output(shape, layout);
      bench.run([&](Device& device, Workspace& workspace, const Pick& pick) {
        device.reveal_cancel(workspace, c.f, pick(x), pick(rx), pick(change), pick(my), pick(even), pick(odd));
      });
      const auto vx = values(x.reference), vr = values(rx.reference), vc = values(change.reference);
      const auto e = values(even.reference), o = values(odd.reference);
      const auto e32 = values(even.cpu), o32 = values(odd.cpu);
      for (std::size_t i = 0; i < e.size(); ++i) {
        const double delta = vx[i] - vr[i];
        const double size = std::max(vc[i], std::abs(delta));
        RC_ASSERT(std::abs(e[i] * delta + o[i] * size) <= 1e-11 * (1 + std::abs(o[i] * size)));
        // What is added to the contributions of D+ and D-: a multiplier of nothing is a slope at the device's
        // threshold.
        const double plus = (size + delta) / 2, minus = (delta - size) / 2;
        RC_ASSERT(std::abs(((e[i] + o[i]) - (e32[i] + o32[i])) * plus) <= 1e-5 * c.steepest);
        RC_ASSERT(std::abs(((e[i] - o[i]) - (e32[i] - o32[i])) * minus) <= 1e-5 * c.steepest);
      }
    };
    const std::string name = "function " + std::to_string(static_cast<int>(c.f.kind));
    EXPECT_TRUE(rc::check(name, property)) << name;
  }
}

// Outside the domain of f there is no RevealCancel: log of x' + D- does not exist.
TEST(Multipliers, RevealCancelOutsideTheDomainIsRescale) {
  const auto device = make_reference_device();
  Scratch scratch;
  Workspace workspace(scratch);
  const auto tensor = [&](double value) {
    const Tensor t = workspace.temporary({DType::f64, {1}});
    device->fill(t, value);
    return t;
  };
  const Tensor even = tensor(7), odd = tensor(7);
  device->reveal_cancel(workspace, {Unary::log}, tensor(2), tensor(1), tensor(9), tensor(1), even, odd);
  EXPECT_EQ(values(even)[0], 0);
  EXPECT_EQ(values(odd)[0], 0);
}

TEST(Multipliers, SoftmaxOfHugeAndOfEqualLogitsIsFinite) {
  const auto device = make_reference_device();
  for (const bool log : {false, true}) {
    for (const auto& [x, rx] : {std::pair{std::vector<double>{1e4, -1e4, 0}, std::vector<double>{-1e4, 1e4, 0}},
                                std::pair{std::vector<double>{3, 3, 3}, std::vector<double>{3, 3, 3}},
                                std::pair{std::vector<double>{800, 0, 1e-9}, std::vector<double>{800, 0, 0}}}) {
      Scratch scratch;
      Workspace workspace(scratch);
      const auto tensor = [&](const std::vector<double>& from) {
        const Tensor t = workspace.temporary({DType::f64, {1, 3}});
        set_values(t, from);
        return t;
      };
      const Tensor tx = tensor(x), trx = tensor(rx), y = tensor(x), ry = tensor(x), mx = tensor(x);
      const Tensor my = tensor({0.3, -1, 2});
      log ? device->log_softmax(workspace, tx, 1, y) : device->softmax(workspace, tx, 1, y);
      log ? device->log_softmax(workspace, trx, 1, ry) : device->softmax(workspace, trx, 1, ry);
      device->softmax_multipliers(workspace, log, tx, trx, 1, my, mx);
      double sum = 0, size = 1;
      for (std::size_t i = 0; i < 3; ++i) {
        ASSERT_TRUE(std::isfinite(values(mx)[i]));
        const double dy = values(my)[i] * (values(y)[i] - values(ry)[i]);
        sum += values(mx)[i] * (x[i] - rx[i]) - dy;
        size += std::abs(dy);
      }
      EXPECT_NEAR(sum, 0, 1e-12 * size);
    }
  }
}

}  // namespace
}  // namespace mho::kernels::testing
