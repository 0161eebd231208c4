// Invariant: moving, converting and repeating elements loses none, and each adjoint satisfies <Ax, g> = <x, A'g>.
#include <gtest/gtest.h>
#include <mho/error.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/device.h"
#include "support/tensors.h"

namespace mho::kernels {
namespace {

using mho::testing::dot;
using mho::testing::random_integers;
using mho::testing::random_tensor;
using mho::testing::TestTensor;

constexpr DType kTypes[] = {DType::f32, DType::f64, DType::i64, DType::i32, DType::b8};

class ReferenceMovement : public ::testing::Test {
 protected:
  /// Small integers of any type.
  TestTensor numbers(DType dtype, const Shape& shape) {
    const TestTensor source = random_integers<std::int64_t>(shape, random_, dtype == DType::b8 ? 0 : -9, 9);
    TestTensor result(dtype, shape);
    device_->copy(workspace_, source, result);
    return result;
  }
  static bool same(const TestTensor& a, const TestTensor& b) {
    return a.view().type == b.view().type && a.intact() && b.intact() &&
           std::memcmp(a.view().data, b.view().data, a.view().type.bytes()) == 0;
  }
  static Shape draw_shape(std::size_t low_rank, std::size_t high_rank, std::int64_t low = 1) {
    const auto rank = *rc::gen::inRange(low_rank, high_rank + 1);
    return *rc::gen::container<Shape>(rank, rc::gen::inRange<std::int64_t>(low, 6));
  }
  static DType draw_type() { return *rc::gen::elementOf(std::vector<DType>(std::begin(kTypes), std::end(kTypes))); }

  std::unique_ptr<Device> device_ = make_reference_device();
  Scratch scratch_;
  Workspace workspace_{scratch_};
  std::mt19937 random_{11};
};

TEST_F(ReferenceMovement, LayoutsRoundTripAndPadWithZeros) {
  EXPECT_TRUE(rc::check([&] {
    const DType dtype = draw_type();
    Shape shape = draw_shape(3, 5);
    shape[1] = *rc::gen::inRange<std::int64_t>(1, 40);
    const TestTensor x = numbers(dtype, shape);
    const TestTensor blocked(dtype, shape, Layout::blocked);
    const TestTensor back(dtype, shape);
    device_->copy(workspace_, x, blocked);
    device_->copy(workspace_, blocked, back);
    RC_ASSERT(same(x, back));
    RC_ASSERT(blocked.intact());
    // All stored elements together are the logical ones: the padding adds nothing.
    const TestTensor stored(DType::f64, {blocked.view().type.stored_elements()});
    const TestTensor logical(DType::f64, {x.view().type.elements()});
    device_->copy(workspace_, Tensor{{dtype, stored.shape()}, blocked.view().data}, stored);
    device_->copy(workspace_, Tensor{{dtype, logical.shape()}, x.view().data}, logical);
    RC_ASSERT(dot(stored, stored) == dot(logical, logical));
  }));
}

TEST_F(ReferenceMovement, BlockedChannelsLieInGroupsOfSixteen) {
  const Shape shape{2, 19, 3};
  std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
  std::iota(values.begin(), values.end(), 1);
  const TestTensor x(shape, values);
  const TestTensor y(DType::f64, shape, Layout::blocked);
  device_->copy(workspace_, x, y);
  // Image 1, channel 17, point 2 = [1][17 / 16][2][17 % 16] of [2][2][3][16].
  EXPECT_EQ(y.as<double>()[((1 * 2 + 1) * 3 + 2) * 16 + 1], values[(1 * 19 + 17) * 3 + 2]);
}

TEST_F(ReferenceMovement, ConversionChangesTypeAndLayoutAtOnce) {
  const Shape shape{2, 17, 2, 3};
  const TestTensor x = numbers(DType::i32, shape);
  const TestTensor y(DType::f64, shape, Layout::blocked);
  const TestTensor back(DType::i32, shape);
  device_->copy(workspace_, x, y);
  device_->copy(workspace_, y, back);
  EXPECT_TRUE(same(x, back));
}

TEST_F(ReferenceMovement, ConversionTruncatesSaturatesAndComparesWithZero) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const TestTensor x({7}, std::vector<double>{-1.9, 1.9, 0, infinity, -1e30, nan, 0.25});
  const TestTensor integers(DType::i64, {7});
  device_->copy(workspace_, x, integers);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(integers.values<std::int64_t>(), (std::vector<std::int64_t>{-1, 1, 0, kMost, kLeast, 0, 0}));
  const TestTensor bits(DType::b8, {7});
  device_->copy(workspace_, x, bits);
  EXPECT_EQ(bits.values<bool>(), (std::vector<bool>{true, true, false, true, true, true, true}));
}

TEST_F(ReferenceMovement, FillLeavesThePaddingZero) {
  for (const DType dtype : kTypes) {
    const Shape shape{2, 19, 3};
    const TestTensor x(dtype, shape);
    const TestTensor y(dtype, shape, Layout::blocked);
    const TestTensor expected(dtype, shape, Layout::blocked);
    device_->fill(x, 3);
    device_->fill(y, 3);
    device_->copy(workspace_, x, expected);
    EXPECT_TRUE(same(y, expected)) << to_string(dtype);
    const TestTensor sum(DType::f64, expected.view().type.shape);
    device_->copy(workspace_, x, sum);
    for (const double value : sum.as<double>()) EXPECT_EQ(value, dtype == DType::b8 ? 1 : 3);
  }
}

TEST_F(ReferenceMovement, RegionsCopyAndAccumulateWithAnySteps) {
  EXPECT_TRUE(rc::check([&] {
    const std::size_t rank = *rc::gen::inRange<std::size_t>(1, 4);
    Shape shape_x;
    Shape shape_y;
    Shape extents;
    Region from;
    Region to;
    // One axis: `count` cells, `step` apart in either direction, somewhere in an extent with room for them.
    const auto draw_axis = [](std::int64_t count, Shape& shape, Region& region) {
      const auto step = *rc::gen::elementOf(std::vector<std::int64_t>{-3, -2, -1, 1, 2, 3});
      const auto before = *rc::gen::inRange<std::int64_t>(0, 3);
      const auto after = *rc::gen::inRange<std::int64_t>(0, 3);
      const std::int64_t reach = count > 0 ? (count - 1) * std::abs(step) : 0;
      shape.push_back(before + reach + 1 + after);
      region.start.push_back(step > 0 ? before : before + reach);
      region.step.push_back(step);
    };
    for (std::size_t axis = 0; axis < rank; ++axis) {
      extents.push_back(*rc::gen::inRange<std::int64_t>(0, 5));
      draw_axis(extents.back(), shape_x, from);
      draw_axis(extents.back(), shape_y, to);
    }
    const bool accumulate = *rc::gen::arbitrary<bool>();
    const TestTensor x = random_tensor(shape_x, random_);
    const TestTensor y = random_tensor(shape_y, random_);
    std::vector<double> expected = y.values<double>();
    const std::int64_t cells = element_count(extents);
    for (std::int64_t cell = 0; cell < cells; ++cell) {
      std::int64_t rest = cell;
      std::int64_t at_x = 0;
      std::int64_t at_y = 0;
      std::int64_t stride_x = 1;
      std::int64_t stride_y = 1;
      for (std::size_t axis = rank; axis-- > 0;) {
        const std::int64_t k = rest % extents[axis];
        rest /= extents[axis];
        at_x += (from.start[axis] + k * from.step[axis]) * stride_x;
        at_y += (to.start[axis] + k * to.step[axis]) * stride_y;
        stride_x *= shape_x[axis];
        stride_y *= shape_y[axis];
      }
      double& target = expected[static_cast<std::size_t>(at_y)];
      target = (accumulate ? target : 0) + x.as<double>()[static_cast<std::size_t>(at_x)];
    }
    device_->copy_region(workspace_, x, from, y, to, extents, accumulate);
    RC_ASSERT(y.values<double>() == expected);
    RC_ASSERT(y.intact());
  }));
}

TEST_F(ReferenceMovement, TransposingThereAndBackIsTheIdentity) {
  EXPECT_TRUE(rc::check([&] {
    const DType dtype = draw_type();
    const Shape shape = draw_shape(0, 5, 0);
    Shape permutation(shape.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    std::shuffle(permutation.begin(), permutation.end(), random_);
    Shape inverse(shape.size());
    Shape permuted(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const auto source = static_cast<std::size_t>(permutation[i]);
      inverse[source] = static_cast<std::int64_t>(i);
      permuted[i] = shape[source];
    }
    const TestTensor x = numbers(dtype, shape);
    const TestTensor y(dtype, permuted);
    const TestTensor back(dtype, shape);
    device_->transpose(workspace_, x, permutation, y);
    device_->transpose(workspace_, y, inverse, back);
    RC_ASSERT(same(x, back));
    RC_ASSERT(y.intact());
  }));
}

TEST_F(ReferenceMovement, TransposeTakesAxisIFromAxisPermutationI) {
  const TestTensor x({2, 3, 1}, std::vector<std::int64_t>{0, 1, 2, 3, 4, 5});
  const TestTensor y(DType::i64, {3, 1, 2});
  device_->transpose(workspace_, x, {1, 2, 0}, y);
  EXPECT_EQ(y.values<std::int64_t>(), (std::vector<std::int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST_F(ReferenceMovement, BroadcastIsTheAdjointOfSumming) {
  EXPECT_TRUE(rc::check([&] {
    const Shape full = draw_shape(1, 4);
    Shape narrow = full;
    for (std::int64_t& extent : narrow) {
      if (*rc::gen::arbitrary<bool>()) extent = 1;
    }
    const TestTensor x = random_tensor(narrow, random_);
    const TestTensor g = random_tensor(full, random_);
    const TestTensor y(DType::f64, full);
    const TestTensor summed(DType::f64, narrow);
    device_->broadcast(workspace_, x, y);
    device_->reduce(workspace_, ReduceKind::sum, g, summed);
    const double forward = dot(y, g);
    RC_ASSERT(std::abs(forward - dot(x, summed)) <= 1e-12 * (1 + static_cast<double>(g.as<double>().size())));
    RC_ASSERT(y.intact());
  }));
}

TEST_F(ReferenceMovement, GatherVjpIsTheAdjointOfGather) {
  EXPECT_TRUE(rc::check([&] {
    const Shape shape = draw_shape(1, 4);
    const auto axis = *rc::gen::inRange<std::size_t>(0, shape.size());
    const Shape picks = draw_shape(0, 2, 0);
    Shape result(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
    result.insert(result.end(), picks.begin(), picks.end());
    result.insert(result.end(), shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end());
    const TestTensor x = random_tensor(shape, random_);
    const TestTensor g = random_tensor(result, random_);
    const TestTensor indices = *rc::gen::arbitrary<bool>()
                                   ? random_integers<std::int64_t>(picks, random_, -shape[axis], shape[axis] - 1)
                                   : random_integers<std::int32_t>(picks, random_, -shape[axis], shape[axis] - 1);
    const TestTensor y(DType::f64, result);
    const TestTensor gx(DType::f64, shape);
    device_->gather(workspace_, x, indices, static_cast<std::int64_t>(axis), y);
    device_->gather_vjp(workspace_, g, indices, static_cast<std::int64_t>(axis), gx);
    RC_ASSERT(std::abs(dot(y, g) - dot(x, gx)) <= 1e-12 * (1 + static_cast<double>(g.as<double>().size())));
    RC_ASSERT(y.intact());
    RC_ASSERT(gx.intact());
  }));
}

TEST_F(ReferenceMovement, GatherCountsNegativeIndicesFromTheEndAndRefusesOthers) {
  const TestTensor x({3, 2}, std::vector<std::int64_t>{0, 1, 10, 11, 20, 21});
  const TestTensor indices({3}, std::vector<std::int64_t>{-1, 0, -3});
  const TestTensor y(DType::i64, {3, 2});
  device_->gather(workspace_, x, indices, 0, y);
  EXPECT_EQ(y.values<std::int64_t>(), (std::vector<std::int64_t>{20, 21, 0, 1, 0, 1}));
  for (const std::int64_t bad : {std::int64_t{3}, std::int64_t{-4}, std::numeric_limits<std::int64_t>::min()}) {
    const TestTensor wrong({3}, std::vector<std::int64_t>{0, bad, 0});
    try {
      device_->gather(workspace_, x, wrong, 0, y);
      FAIL() << "no error for " << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInvalidArgument);
    }
  }
}

TEST_F(ReferenceMovement, PathSumsAreTheWeightedGradientTimesTheStep) {
  const TestTensor a = random_tensor({5}, random_);
  const TestTensor b = random_tensor({5}, random_);
  const TestTensor g0 = random_tensor({5}, random_);
  const TestTensor g1 = random_tensor({5}, random_);
  const TestTensor acc({5}, std::vector<double>{1, 2, 3, 4, 5});
  const TestTensor y(DType::f64, {5});
  device_->interpolate(a, b, 0.25, y);
  device_->accumulate_path(0.5, g0, 2, g1, a, y, acc);
  device_->accumulate_path(3, g0, 100, Tensor{{DType::f64, {5}}}, a, b, acc);
  device_->accumulate(-1, g1, acc);
  for (std::size_t i = 0; i < 5; ++i) {
    const double step = b.as<double>()[i] - a.as<double>()[i];
    const double p = g0.as<double>()[i];
    const double q = g1.as<double>()[i];
    const double expected = static_cast<double>(i + 1) + (0.5 * p + 2 * q) * 0.25 * step + 3 * p * step - q;
    EXPECT_NEAR(acc.as<double>()[i], expected, 1e-13);
  }
}

}  // namespace
}  // namespace mho::kernels
