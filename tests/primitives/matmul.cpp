// Matrix products: all transposes, batch broadcasting, fused bias and ReLU.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

Shape matrix(Shape batch, std::int64_t rows, std::int64_t columns, bool transposed) {
  batch.push_back(transposed ? columns : rows);
  batch.push_back(transposed ? rows : columns);
  return batch;
}

TEST(Matmul, AllTransposesAndBatchesKeepTheContract) {
  struct Batches {
    Shape a, b;
  };
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const Batches& batch : {Batches{{}, {}}, Batches{{3}, {}}, Batches{{}, {3}}, Batches{{2, 1}, {3}},
                                   Batches{{2, 3}, {2, 3}}, Batches{{1}, {4}}}) {
        EXPECT_EQ(defects({make_matmul({ta, tb}), {{matrix(batch.a, 3, 5, ta)}, {matrix(batch.b, 5, 4, tb)}}}), "")
            << to_string(batch.a) << " " << to_string(batch.b);
      }
    }
  }
}

TEST(Matmul, StatedResult) {
  const Input a = reals({2, 2}, {1, 2, 3, 4});
  const Input b = reals({2, 2}, {5, 6, 7, 8});
  EXPECT_EQ(defects({make_matmul(), {a, b}, {19, 22, 43, 50}}), "");
  EXPECT_EQ(defects({make_matmul({true, false}), {a, b}, {26, 30, 38, 44}}), "");
  EXPECT_EQ(defects({make_matmul({false, true}), {a, b}, {17, 23, 39, 53}}), "");
  EXPECT_EQ(defects({make_matmul({true, true}), {a, b}, {23, 31, 34, 46}}), "");
  EXPECT_EQ(defects({make_matmul({}, true), {a, fixed(b), reals({2}, {-20, -50})}, {0, 0, 23, 0}}), "");
}

TEST(Matmul, FusedBiasAndReluKeepTheContract) {
  for (const bool relu : {false, true}) {
    EXPECT_EQ(defects({make_matmul({false, true}, relu), {{{6, 5}}, {{7, 5}}, {{7}}}}), "");
    EXPECT_EQ(defects({make_matmul({}, relu), {{{2, 4, 5}}, fixed({{5, 3}}), fixed({{3}})}}), "");
    EXPECT_EQ(defects({make_matmul({}, relu), {{{2, 6, 5}}, {{5, 3}}}}), "");
  }
}

TEST(Matmul, CountsMultipliesAndAdds) {
  const PrimitivePtr matmul = make_matmul({true, false});
  const std::vector<TensorType> inputs = {{kReal, {2, 5, 3}}, {kReal, {5, 4}}};
  EXPECT_EQ(matmul->flops(inputs, matmul->infer(inputs)), 2.0 * 2 * 3 * 5 * 4);
}

TEST(Matmul, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {2, 3}}, {kReal, {2, 3}}}));
  EXPECT_TRUE(refuses(make_matmul({true, false}), {{kReal, {2, 3}}, {kReal, {3, 2}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {3}}, {kReal, {3, 2}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {2, 2, 3}}, {kReal, {3, 3, 2}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{DType::i64, {2, 3}}, {DType::i64, {3, 2}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {2, 3}}, {kReal, {3, 2}}, {kReal, {3}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {2, 3}}, {kReal, {3, 2}}, {DType::i64, {2}}}));
  EXPECT_TRUE(refuses(make_matmul(), {{kReal, {1LL << 40, 1}}, {kReal, {1, 1LL << 40}}}));
}

TEST(Matmul, CastingDownFindsTheAttributes) {
  EXPECT_TRUE(as_matmul(*make_matmul({false, true}, true))->relu);
  EXPECT_TRUE(as_matmul(*make_matmul({false, true}, true))->attributes.transpose_b);
  EXPECT_FALSE(as_matmul(*make_softmax(0)).has_value());
}

RC_GTEST_PROP(Matmul, RandomCasesKeepTheContract, ()) {
  const bool ta = draw_bool();
  const bool tb = draw_bool();
  const Shape batch = draw_shape(static_cast<std::size_t>(draw(0, 2)), 1, 3);
  const auto operand = [&] {
    Shape own(batch.begin() + draw(0, static_cast<std::int64_t>(batch.size())), batch.end());
    for (std::int64_t& extent : own) extent = draw_bool() ? extent : 1;
    return own;
  };
  const std::int64_t m = draw(2, 6);
  const std::int64_t k = draw(1, 6);
  const std::int64_t n = draw(2, 6);
  Case c{make_matmul({ta, tb}, draw_bool()), {{matrix(operand(), m, k, ta)}, {matrix(operand(), k, n, tb)}}};
  if (draw_bool()) c.inputs.push_back({{n}});
  for (Input& input : c.inputs) input.active = draw(0, 3) > 0;
  RC_ASSERT(defects(c, draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
