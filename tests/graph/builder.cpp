// Building a graph: what can be computed from constants never becomes a node, and values keep their names.
#include "graph/builder.h"

#include <gtest/gtest.h>
#include <mho/error.h>

#include <cmath>

#include "primitives/primitives.h"

namespace mho::graph {
namespace {

using kernels::Binary;
using kernels::Unary;
using primitives::make_binary;
using primitives::make_unary;

TEST(Builder, ConstantsFoldAndNeverBecomeNodes) {
  Builder build;
  const ValueId shape = build.integers({3}, {2, 3, 4});
  const ValueId first = build.apply1(primitives::make_slice({{0}, {1}}, {1}), {shape});
  const ValueId product = build.apply1(make_binary(Binary::mul), {first, build.integers({}, {10})});
  EXPECT_TRUE(build.is_constant(product));
  EXPECT_EQ(build.integers_of(product), (std::vector<std::int64_t>{20}));
  const ValueId root = build.apply1(make_unary({Unary::sqrt}), {build.reals({2}, {4, 2})});
  EXPECT_EQ(build.reals_of(root), (std::vector<double>{2, std::sqrt(2.0)}));
  EXPECT_TRUE(std::move(build).finish().nodes().empty());
}

TEST(Builder, FoldedConstantsAreFloatsWhereThatIsExact) {
  Builder build;
  const ValueId half = build.apply1(make_unary({Unary::reciprocal}), {build.reals({1}, {2})});
  const ValueId third = build.apply1(make_unary({Unary::reciprocal}), {build.reals({1}, {3})});
  const Graph graph = std::move(build).finish();
  EXPECT_EQ(graph.value(half).constant->type.dtype, DType::f32);
  EXPECT_EQ(graph.value(third).constant->type.dtype, DType::f64);
  EXPECT_EQ(graph.value(third).type.dtype, kReal) << "whatever the constant holds, the graph says real";
}

TEST(Builder, OneVariableInputMakesANode) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3}});
  build.set_origin("scale", "Mul");
  const ValueId y = build.apply1(make_binary(Binary::mul), {x, build.scalar(3)});
  build.set_name(y, "y");
  build.mark_output(y);
  const Graph graph = std::move(build).finish();
  ASSERT_EQ(graph.nodes().size(), 1U);
  EXPECT_EQ(graph.node(0).origin_name, "scale");
  EXPECT_EQ(graph.node(0).origin_type, "Mul");
  EXPECT_EQ(graph.value(y).type.shape, (Shape{2, 3}));
  EXPECT_EQ(graph.value(y).producer, 0);
  EXPECT_EQ(graph.find("y"), y);
  EXPECT_EQ(graph.value(x).producer, kNoNode);
  EXPECT_NO_THROW(graph.verify());
}

TEST(Builder, RealsReadAsIntegersSaturate) {
  Builder build;
  const ValueId x = build.reals({3}, {2.9, -2.9, 1e300});
  EXPECT_EQ(build.integers_of(x), (std::vector<std::int64_t>{2, -2, INT64_MAX}));
  const ValueId variable = build.input("x", {kReal, {1}});
  EXPECT_FALSE(build.integers_of(variable).has_value());
  EXPECT_FALSE(build.reals_of(variable).has_value());
}

TEST(Builder, HugeComputedConstantsAreRefused) {
  Builder build;
  const ValueId one = build.scalar(1);
  try {
    build.apply1(primitives::make_broadcast({1 << 20, 1 << 20}), {one});
    FAIL() << "a constant of 2^40 elements";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kLimit);
  }
}

TEST(Builder, InputsThatDoNotFitAreRefused) {
  Builder build;
  const ValueId x = build.input("x", {kReal, {2, 3}});
  const ValueId y = build.input("y", {kReal, {4}});
  EXPECT_THROW(build.apply1(make_binary(Binary::add), {x, y}), Error);
  EXPECT_THROW(build.apply1(make_binary(Binary::add), {build.reals({2}, {1, 2}), build.reals({3}, {1, 2, 3})}), Error);
}

}  // namespace
}  // namespace mho::graph
