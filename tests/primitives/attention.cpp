// Attention: the contract with and without a bias of any shape that broadcasts, and stated values.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

TEST(Attention, KeepsTheContract) {
  EXPECT_EQ(defects({make_attention({0.5, true}), {{{3, 4}}, {{5, 4}}, {{5, 2}}}}), "");
  EXPECT_EQ(defects({make_attention({1, false}), {{{2, 3, 4}}, {{2, 4, 5}}, {{2, 5, 3}}}}), "");
}

TEST(Attention, ABiasBroadcasts) {
  for (const Shape& bias : {Shape{2, 3, 4, 5}, Shape{2, 1, 1, 5}, Shape{4, 5}, Shape{1, 3, 1, 5}, Shape{5}}) {
    EXPECT_EQ(defects({make_attention({0.7, true}), {{{2, 3, 4, 2}}, {{2, 3, 5, 2}}, {{2, 3, 5, 3}}, {bias}}}), "")
        << to_string(bias);
  }
}

TEST(Attention, StatedValues) {
  // Scores 0 and ln 3: weights 1/4 and 3/4.
  const double l = std::log(3.0);
  EXPECT_EQ(
      defects({make_attention({2, true}), {reals({1, 1}, {0.5}), reals({2, 1}, {0, l}), reals({2, 1}, {4, 8})}, {7}}),
      "");
  // A masked key counts as nothing.
  EXPECT_EQ(defects({make_attention({1, true}),
                     {reals({2, 1}, {1, 1}), reals({3, 1}, {0, l, 2}), reals({3, 1}, {4, 8, 100}),
                      fixed(reals({3}, {0, 0, -1e30}))},
                     {7, 7}}),
            "");
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const auto attention = make_attention({1, true});
  const TensorType q{kReal, {2, 3, 4}}, k{kReal, {2, 5, 4}}, v{kReal, {2, 5, 6}};
  EXPECT_FALSE(refuses(attention, {q, k, v}));
  EXPECT_TRUE(refuses(make_attention({1, false}), {q, k, v}));
  EXPECT_TRUE(refuses(attention, {q, k, {kReal, {2, 4, 6}}}));
  EXPECT_TRUE(refuses(attention, {q, {kReal, {1, 5, 4}}, v}));
  EXPECT_TRUE(refuses(attention, {q, k, {kReal, {5, 6}}}));
  EXPECT_TRUE(refuses(attention, {{DType::i64, {2, 3, 4}}, k, v}));
  EXPECT_TRUE(refuses(attention, {q, k, v, {kReal, {2, 2, 3, 5}}}));
  EXPECT_TRUE(refuses(attention, {q, k, v, {kReal, {3, 4}}}));
  EXPECT_TRUE(refuses(attention, {{kReal, {4}}, {kReal, {4}}, {kReal, {4}}}));
  EXPECT_TRUE(refuses(attention, {q, {kReal, {2, 0, 4}}, {kReal, {2, 0, 6}}}));
}

RC_GTEST_PROP(Attention, RandomCasesKeepTheContract, ()) {
  const Shape batch = draw_shape(static_cast<std::size_t>(draw(0, 2)), 1, 3);
  const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
    Shape shape = batch;
    shape.insert(shape.end(), {rows, columns});
    return shape;
  };
  const std::int64_t rows = draw(2, 5), keys = draw(3, 6), size = draw(2, 5);  // too few terms cancel
  const bool transpose = draw_bool();
  std::vector<Input> inputs{
      {matrix(rows, size)}, {transpose ? matrix(keys, size) : matrix(size, keys)}, {matrix(keys, draw(3, 6))}};
  if (draw_bool()) {
    Shape bias = matrix(rows, keys);
    // A bias with one number for all keys would change nothing.
    for (std::size_t axis = 0; axis + 1 < bias.size(); ++axis) bias[axis] = draw_bool() ? bias[axis] : 1;
    bias.erase(bias.begin(), bias.begin() + draw(0, static_cast<std::int64_t>(bias.size()) - 1));
    inputs.push_back({bias});
  }
  RC_ASSERT(defects({make_attention({0.8, transpose}), inputs}, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
