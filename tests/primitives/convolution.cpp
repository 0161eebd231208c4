// Convolutions and their transposes: 1 to 3 spatial axes, strides, dilations, pads, groups, everything fused behind.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "harness.h"

namespace mho::primitives::testing {
namespace {

using kernels::ConvolutionAttributes;
using kernels::Window;

Case convolution(const ConvolutionAttributes& attributes, Shape x, std::int64_t outputs,
                 ConvolutionFusion fusion = {}) {
  Shape w{outputs, x[1] / attributes.groups};
  w.insert(w.end(), attributes.window.kernel.begin(), attributes.window.kernel.end());
  Case c{make_convolution(attributes, fusion), {{x}, {w, -1, 1}}};
  std::vector<TensorType> types = {{kReal, x}, {kReal, w}};
  const Shape y = make_convolution(attributes, {})->infer(types)[0].shape;
  if (fusion.bias) c.inputs.push_back({{outputs}});
  if (fusion.residual) c.inputs.push_back({y});
  return c;
}

Case transposed(const ConvolutionAttributes& attributes, Shape x, std::int64_t outputs, Shape output_padding) {
  Shape w{x[1], outputs / attributes.groups};
  w.insert(w.end(), attributes.window.kernel.begin(), attributes.window.kernel.end());
  return {make_convolution_transpose(attributes, std::move(output_padding)), {{std::move(x)}, {w, -1, 1}}};
}

TEST(Convolution, StatedResults) {
  const Input x = reals({1, 1, 5}, {1, 2, 3, 4, 5});
  EXPECT_EQ(defects({make_convolution({window({2})}, {}), {x, reals({1, 1, 2}, {1, -10})}, {-19, -28, -37, -46}}), "");
  EXPECT_EQ(defects({make_convolution({window({3}, 2, 1)}, {}), {x, reals({1, 1, 3}, {1, 1, 1})}, {3, 9, 9}}), "");
  EXPECT_EQ(defects({make_convolution({window({2}, 1, 0, 3)}, {}), {x, reals({1, 1, 2}, {1, 1})}, {5, 7}}), "");
  EXPECT_EQ(defects({make_convolution_transpose({window({2}, 2)}, {0}),
                     {reals({1, 1, 2}, {1, 2}), reals({1, 1, 2}, {3, 5})},
                     {3, 5, 6, 10}}),
            "");
  EXPECT_EQ(defects({make_convolution_transpose({window({2}, 2)}, {1}),
                     {reals({1, 1, 2}, {1, 2}), reals({1, 1, 2}, {3, 5})},
                     {3, 5, 6, 10, 0}}),
            "");
}

TEST(Convolution, EveryGeometryKeepsTheContract) {
  EXPECT_EQ(defects(convolution({window({3, 3}, 1, 1)}, {2, 3, 5, 4}, 4)), "");
  EXPECT_EQ(defects(convolution({window({3, 3}, 2, 1)}, {2, 16, 7, 6}, 32)), "");
  EXPECT_EQ(defects(convolution({window({1, 1})}, {2, 20, 4, 3}, 17)), "");
  EXPECT_EQ(defects(convolution({window({3, 2}, 1, 2, 2)}, {1, 3, 5, 6}, 2)), "");
  EXPECT_EQ(defects(convolution({window({3, 3}, 1, 1), 4}, {2, 8, 4, 5}, 12)), "");
  EXPECT_EQ(defects(convolution({window({3, 3}, 1, 1), 20}, {2, 20, 4, 5}, 20)), "");
  EXPECT_EQ(defects(convolution({window({3, 3}, 2, 1), 32}, {1, 32, 5, 5}, 32)), "");
  EXPECT_EQ(defects(convolution({window({4}, 2, 1)}, {2, 3, 9}, 5)), "");
  EXPECT_EQ(defects(convolution({window({2, 3, 2}, 1, 1)}, {1, 3, 3, 4, 3}, 4)), "");
  const Window uneven{{3, 2}, {2, 1}, {1, 2}, {0, 1}, {2, 0}, {}};
  EXPECT_EQ(defects(convolution({uneven}, {2, 4, 6, 5}, 3)), "");
}

TEST(Convolution, EveryFusionKeepsTheContract) {
  for (const bool bias : {false, true}) {
    for (const bool residual : {false, true}) {
      for (const bool relu : {false, true}) {
        const ConvolutionFusion fusion{bias, residual, relu};
        EXPECT_EQ(defects(convolution({window({3, 3}, 1, 1)}, {2, 3, 4, 4}, 5, fusion)), "");
        EXPECT_EQ(defects(convolution({window({3, 3}, 2, 1)}, {1, 16, 6, 6}, 16, fusion)), "");
      }
    }
  }
}

// oneDNN 2.6 gets these wrong or crashes if a residual is summed into its output in place.
TEST(Convolution, WindowsOverPaddingAloneKeepTheContract) {
  const Window rows{{1, 1}, {1, 1}, {1, 1}, {1, 0}, {0, 0}, {}};
  const Window spread{{3, 3, 3}, {2, 2, 2}, {2, 2, 1}, {2, 0, 0}, {2, 0, 0}, {}};
  for (const bool bias : {false, true}) {
    for (const bool relu : {false, true}) {
      EXPECT_EQ(defects(convolution({rows}, {1, 1, 5, 5}, 1, {bias, true, relu})), "");
      EXPECT_EQ(defects(convolution({rows}, {1, 16, 5, 5}, 16, {bias, true, relu})), "");
      EXPECT_EQ(defects(convolution({spread}, {1, 2, 5, 5, 5}, 13, {bias, true, relu})), "");
    }
  }
}

TEST(ConvolutionTranspose, EveryGeometryKeepsTheContract) {
  EXPECT_EQ(defects(transposed({window({3, 3}, 2, 1)}, {2, 4, 3, 4}, 3, {0, 0})), "");
  EXPECT_EQ(defects(transposed({window({3, 3}, 2, 1)}, {2, 4, 3, 4}, 3, {1, 1})), "");
  EXPECT_EQ(defects(transposed({window({2, 2}, 2), 2}, {1, 4, 3, 3}, 6, {0, 0})), "");
  EXPECT_EQ(defects(transposed({window({3}, 1, 0, 2)}, {2, 3, 5}, 4, {0})), "");
  EXPECT_EQ(defects(transposed({window({2, 2, 2}, 2)}, {1, 3, 2, 3, 2}, 2, {0, 0, 0})), "");
}

TEST(Convolution, CountsMultipliesAndAdds) {
  const PrimitivePtr p = make_convolution({window({3, 3}, 1, 1), 2}, {});
  const std::vector<TensorType> inputs = {{kReal, {2, 4, 5, 6}}, {kReal, {8, 2, 3, 3}}};
  EXPECT_EQ(p->flops(inputs, p->infer(inputs)), 2.0 * (2 * 8 * 5 * 6) * (2 * 9));
  const PrimitivePtr t = make_convolution_transpose({window({2, 2}, 2)}, {0, 0});
  const std::vector<TensorType> types = {{kReal, {1, 4, 3, 3}}, {kReal, {4, 5, 2, 2}}};
  EXPECT_EQ(t->flops(types, t->infer(types)), 2.0 * (4 * 9) * (5 * 4));
}

TEST(Convolution, RefusesWhatDoesNotFit) {
  const TensorType x{kReal, {1, 4, 5, 5}};
  const TensorType w{kReal, {6, 4, 3, 3}};
  const auto conv = [](Window geometry, std::int64_t groups = 1, ConvolutionFusion fusion = {}) {
    return make_convolution({std::move(geometry), groups}, fusion);
  };
  EXPECT_FALSE(refuses(conv(window({3, 3})), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3})), {{kReal, {1, 3, 5, 5}}, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3})), {{kReal, {1, 4, 2, 5}}, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3})), {{kReal, {1, 4, 0, 5}}, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3})), {{kReal, {1, 4, 5}}, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3})), {{DType::i64, {1, 4, 5, 5}}, w}));
  EXPECT_TRUE(refuses(conv(window({2, 2})), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3})), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, 0)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, -1)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, 1, -1)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, 1, INT64_MAX)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, 1, 0, INT64_MAX / 2)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}, 1, 0, 3)), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), 0), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), -4), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), 2), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), INT64_MAX), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), 4), {x, {kReal, {6, 1, 3, 3}}}));
  EXPECT_TRUE(refuses(conv(Window{{3, 3}, {1}, {1, 1}, {0, 0}, {0, 0}, {}}), {x, w}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), 1, {.bias = true}), {x, w, {kReal, {5}}}));
  EXPECT_TRUE(refuses(conv(window({3, 3}), 1, {.residual = true}), {x, w, {kReal, {1, 6, 5, 5}}}));
  EXPECT_TRUE(refuses(conv(window({1, 1, 1, 1})), {{kReal, {1, 1, 2, 2, 2, 2}}, {kReal, {1, 1, 1, 1, 1, 1}}}));
}

TEST(ConvolutionTranspose, RefusesWhatDoesNotFit) {
  const TensorType x{kReal, {1, 4, 5, 5}};
  const TensorType w{kReal, {4, 6, 3, 3}};
  const auto refused = [&](Window geometry, std::int64_t groups, Shape padding) {
    return refuses(make_convolution_transpose({std::move(geometry), groups}, std::move(padding)), {x, w});
  };
  EXPECT_FALSE(refused(window({3, 3}, 2), 1, {1, 1}));
  EXPECT_TRUE(refused(window({3, 3}, 2), 1, {2, 0}));
  EXPECT_TRUE(refused(window({3, 3}, 2), 1, {-1, 0}));
  EXPECT_TRUE(refused(window({3, 3}, 2), 1, {0}));
  EXPECT_TRUE(refused(window({3, 3}, 2), 3, {0, 0}));
  EXPECT_TRUE(refused(window({3, 3}, 2), INT64_MAX, {0, 0}));
  EXPECT_TRUE(refused(window({3, 3}, INT64_MAX), 1, {0, 0}));
  EXPECT_TRUE(refused(window({3, 3}, 1, 100), 1, {0, 0}));
  EXPECT_TRUE(refused(Window{{3, 3}, {}, {1, 1}, {0, 0}, {0, 0}, {}}, 1, {0, 0}));
  EXPECT_TRUE(refuses(make_convolution_transpose({window({3, 3})}, {0, 0}), {{kReal, {1, 5, 5, 5}}, w}));
}

TEST(Convolution, CastingDownFindsTheAttributes) {
  const auto facts = as_convolution(*make_convolution({window({3, 3}, 2, 1), 2}, {.bias = true}));
  EXPECT_EQ(facts->attributes.groups, 2);
  EXPECT_TRUE(facts->fusion.bias);
  EXPECT_FALSE(as_convolution(*make_matmul()).has_value());
}

Window draw_window(std::size_t axes) {
  Window w;
  for (std::size_t i = 0; i < axes; ++i) {
    w.kernel.push_back(draw(1, 3));
    w.strides.push_back(draw(1, 2));
    w.dilations.push_back(draw(1, 2));
    w.pads_begin.push_back(draw(0, 2));
    w.pads_end.push_back(draw(0, 2));
  }
  return w;
}

RC_GTEST_PROP(Convolution, RandomCasesKeepTheContract, ()) {
  const auto axes = static_cast<std::size_t>(draw(1, 3));
  const std::int64_t groups = draw(1, 3);
  const auto channels = [&] { return groups * (draw(0, 4) == 0 ? draw(7, 17) : draw(1, 3)); };
  Shape x{draw(1, 2), channels()};
  for (std::size_t i = 0; i < axes; ++i) x.push_back(draw(5, 6));
  const ConvolutionFusion fusion{draw_bool(), draw_bool(), draw_bool()};
  Case c = convolution({draw_window(axes), groups}, x, channels(), fusion);
  for (Input& input : c.inputs) input.active = draw(0, 3) > 0;
  RC_ASSERT(defects(c, draw_seed()) == "");
}

RC_GTEST_PROP(ConvolutionTranspose, RandomCasesKeepTheContract, ()) {
  const auto axes = static_cast<std::size_t>(draw(1, 3));
  const std::int64_t groups = draw(1, 2);
  Shape x{draw(1, 2), groups * draw(1, 3)};
  Window w = draw_window(axes);
  Shape output_padding;
  for (std::size_t i = 0; i < axes; ++i) {
    x.push_back(draw(5, 6));
    output_padding.push_back(draw(0, w.strides[i] - 1));
  }
  RC_ASSERT(defects(transposed({w, groups}, x, groups * draw(1, 3), output_padding), draw_seed()) == "");
}

}  // namespace
}  // namespace mho::primitives::testing
