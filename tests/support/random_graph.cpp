// Grows a random network layer by layer: every layer takes the current value and gives the next one.
#include "support/random_graph.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "primitives/primitives.h"

namespace mho::testing {

namespace {

using graph::ValueId;
using kernels::Binary;
using kernels::Unary;
using primitives::make_binary;
using primitives::make_unary;

class Grower {
 public:
  Grower(std::uint64_t seed, const RandomGraphOptions& options) : random_(seed), options_(options) {}

  RandomGraph grow() {
    ValueId x = options_.images ? input({options_.batch, draw(1, 4), draw(5, 8), draw(5, 8)})
                                : input({options_.batch, draw(2, 12)});
    for (int i = 0; i < options_.layers; ++i) {
      x = rank(x) == 4 ? image_layer(x) : vector_layer(x);
      keep(x);
      if (options_.two_inputs && i == options_.layers / 2) x = joined(x);
    }
    if (rank(x) == 4) x = flattened(x);
    x = linear(x, draw(2, 5));
    if (chance(3)) x = build_.apply1(primitives::make_softmax(1), {x});
    build_.set_name(x, "output");
    build_.mark_output(x);
    return {std::move(build_).finish(), inputs_, x, layers_};
  }

 private:
  std::int64_t draw(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool chance(int one_in) { return draw(1, one_in) == 1; }
  [[nodiscard]] const Shape& shape(ValueId x) const { return build_.type(x).shape; }
  [[nodiscard]] std::size_t rank(ValueId x) const { return shape(x).size(); }

  ValueId input(const Shape& shape) {
    inputs_.push_back(build_.input("input" + std::to_string(inputs_.size()), {graph::kReal, shape}));
    return inputs_.back();
  }
  /// Float values, so that constants are the same on every device.
  ValueId weights(const Shape& shape, double deviation, double mean = 0) {
    std::normal_distribution<double> normal(mean, deviation);
    std::vector<double> values(static_cast<std::size_t>(element_count(shape)));
    for (double& v : values) v = static_cast<float>(normal(random_));
    return build_.reals(shape, std::move(values));
  }
  ValueId per_channel(ValueId x, double deviation, double mean) {
    Shape channels(rank(x), 1);
    channels[1] = shape(x)[1];
    return weights(channels, deviation, mean);
  }
  ValueId binary(Binary f, ValueId a, ValueId b) { return build_.apply1(make_binary(f), {a, b}); }
  ValueId unary(const kernels::UnaryFunction& f, ValueId x) { return build_.apply1(make_unary(f), {x}); }
  void keep(ValueId x) {
    if (build_.is_constant(x) || std::ranges::find(layers_, x) != layers_.end()) return;
    build_.set_name(x, "layer" + std::to_string(layers_.size()));
    layers_.push_back(x);
  }

  ValueId activation(ValueId x) {
    switch (draw(0, 9)) {
      case 0:
        return unary({Unary::tanh}, x);
      case 1:
        return binary(Binary::mul, x, unary({Unary::sigmoid}, x));
      case 2:
        return unary({Unary::leaky_relu, 0.1}, x);
      case 3:
        return unary(kernels::kGelu, x);
      case 4: {  // a leaky ReLU as some exporters write it
        const ValueId positive = binary(Binary::greater, x, build_.scalar(0));
        const ValueId small = binary(Binary::mul, x, build_.scalar(0.125));
        return build_.apply1(primitives::make_where(), {positive, x, small});
      }
      default:
        return unary({Unary::relu}, x);
    }
  }

  ValueId convolution(ValueId x, std::int64_t outputs, bool same_extent) {
    const std::int64_t channels = shape(x)[1];
    const std::int64_t kernel = draw(0, 1) * 2 + 1;
    const std::int64_t stride = same_extent || shape(x)[2] < 4 || shape(x)[3] < 4 || !chance(3) ? 1 : 2;
    std::int64_t groups = 1;
    if (chance(4) && channels % 2 == 0 && outputs % 2 == 0) groups = 2;
    if (chance(6) && channels == outputs) groups = channels;
    const std::int64_t pad = kernel / 2;
    const kernels::ConvolutionAttributes attributes{
        {{kernel, kernel}, {stride, stride}, {1, 1}, {pad, pad}, {pad, pad}, {}}, groups};
    const double fan_in = static_cast<double>(channels / groups * kernel * kernel);
    std::vector<ValueId> operands{x, weights({outputs, channels / groups, kernel, kernel}, std::sqrt(1.5 / fan_in))};
    const bool bias = chance(2);
    if (bias) operands.push_back(weights({outputs}, 0.2));
    ValueId y = build_.apply1(primitives::make_convolution(attributes, {.bias = bias}), operands);
    keep_sometimes(y);
    if (options_.batch_normalization && chance(2)) {
      y = binary(Binary::mul, y, per_channel(y, 0.2, 1));
      keep_sometimes(y);
      y = chance(2) ? binary(Binary::add, y, per_channel(y, 0.2, 0)) : binary(Binary::add, per_channel(y, 0.2, 0), y);
    } else if (chance(3)) {
      y = binary(Binary::add, y, per_channel(y, 0.2, 0));
    }
    return y;
  }
  void keep_sometimes(ValueId x) {
    if (chance(3)) keep(x);
  }
  std::int64_t draw_channels() {
    const std::int64_t channels = chance(3) ? draw(1, 6) : 16 * draw(1, 2) + draw(-1, 1) * draw(0, 1);
    return std::min(channels, options_.most_channels);
  }

  ValueId pool(ValueId x) {
    if (shape(x)[2] < 3 || shape(x)[3] < 3) return activation(x);
    const std::int64_t kernel = draw(2, 3);
    const kernels::Window window{{kernel, kernel}, {2, 2}, {1, 1}, {0, 0}, {kernel - 2, kernel - 2}, {}};
    return build_.apply1(chance(2) ? primitives::make_pool_max(window) : primitives::make_pool_average(window, true),
                         {x});
  }

  ValueId residual(ValueId x) {
    ValueId y = activation(convolution(x, shape(x)[1], true));
    if (chance(2)) y = convolution(y, shape(y)[1], true);
    const ValueId shortcut = chance(3) ? convolution(x, shape(x)[1], true) : x;
    const ValueId sum = chance(2) ? binary(Binary::add, y, shortcut) : binary(Binary::add, shortcut, y);
    return chance(3) ? sum : activation(sum);
  }

  /// x * sigmoid(W mean(x)), as in squeeze-and-excitation.
  ValueId excited(ValueId x) {
    const ValueId mean = build_.apply1(primitives::make_reduce(kernels::ReduceKind::mean, {2, 3}), {x});
    return binary(Binary::mul, x, unary({Unary::sigmoid}, convolution(mean, shape(x)[1], true)));
  }

  ValueId concatenated(ValueId x) {
    std::vector<ValueId> parts{x, activation(convolution(x, draw_channels(), true))};
    if (chance(3)) parts.push_back(x);
    return build_.apply1(primitives::make_concat(1), parts);
  }

  ValueId sliced(ValueId x) {
    Shape extents = shape(x);
    if (extents[1] < 2) return activation(x);
    const std::int64_t from = extents[1] > 16 && chance(2) ? 16 : draw(0, extents[1] - 1);
    extents[1] -= from;
    return build_.apply1(primitives::make_slice({{0, from, 0, 0}, {1, 1, 1, 1}}, extents), {x});
  }

  /// Channels dealt out anew: reshape, transpose, reshape.
  ValueId shuffled(ValueId x) {
    const Shape s = shape(x);
    if (s[1] % 2 != 0) return activation(x);
    ValueId y = build_.apply1(primitives::make_reshape({s[0], 2, s[1] / 2, s[2], s[3]}), {x});
    y = build_.apply1(primitives::make_transpose({0, 2, 1, 3, 4}), {y});
    return build_.apply1(primitives::make_reshape(s), {y});
  }

  ValueId image_layer(ValueId x) {
    switch (draw(0, 11)) {
      case 0:
        return pool(x);
      case 1:
      case 2:
        return residual(x);
      case 3:
        return excited(x);
      case 4:
        return concatenated(x);
      case 5:
        return sliced(x);
      case 6:
        return shuffled(x);
      case 7:
        return build_.apply1(primitives::make_pad({0, 0, 1, 0}, {0, draw(0, 1) * 16, 0, 1}, 0.5), {x});
      case 8:
        return flattened(x);
      default:
        return activation(convolution(x, draw_channels(), false));
    }
  }

  ValueId flattened(ValueId x) {
    const Shape s = shape(x);
    if (chance(2)) {
      const ValueId mean = build_.apply1(primitives::make_reduce(kernels::ReduceKind::mean, {2, 3}), {x});
      return build_.apply1(primitives::make_reshape({s[0], s[1]}), {mean});
    }
    return build_.apply1(primitives::make_reshape({s[0], s[1] * s[2] * s[3]}), {x});
  }

  ValueId linear(ValueId x, std::int64_t outputs) {
    const std::int64_t features = shape(x)[1];
    const bool transposed = chance(2);
    const ValueId w = weights(transposed ? Shape{outputs, features} : Shape{features, outputs},
                              std::sqrt(1.5 / static_cast<double>(features)));
    ValueId y = build_.apply1(primitives::make_matmul({false, transposed}), {x, w});
    keep_sometimes(y);
    if (chance(4)) return y;
    return binary(Binary::add, y, weights(chance(2) ? Shape{outputs} : Shape{1, outputs}, 0.2));
  }

  ValueId vector_layer(ValueId x) {
    const std::int64_t features = shape(x)[1];
    switch (draw(0, 6)) {
      case 0:
        return binary(Binary::add, x, activation(linear(x, features)));
      case 1:
        return binary(Binary::sub, linear(x, features), x);
      case 2:
        return build_.apply1(primitives::make_concat(1), {x, activation(linear(x, draw(1, 9)))});
      case 3:
        return binary(Binary::mul, build_.apply1(primitives::make_softmax(1), {x}), x);
      default:
        return activation(linear(x, draw(2, 20)));
    }
  }

  ValueId joined(ValueId x) {
    const ValueId other = input(shape(x));
    return chance(2) ? binary(Binary::add, x, other) : binary(Binary::mul, x, unary({Unary::tanh}, other));
  }

  std::mt19937_64 random_;
  const RandomGraphOptions options_;
  graph::Builder build_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> layers_;
};

}  // namespace

RandomGraph random_graph(std::uint64_t seed, const RandomGraphOptions& options) { return Grower(seed, options).grow(); }

std::vector<std::vector<double>> random_inputs(const RandomGraph& network, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<std::vector<double>> inputs;
  for (const graph::ValueId id : network.inputs) {
    auto& values = inputs.emplace_back(static_cast<std::size_t>(network.graph.value(id).type.elements()));
    for (double& v : values) v = static_cast<float>(normal(random));
  }
  return inputs;
}

}  // namespace mho::testing
