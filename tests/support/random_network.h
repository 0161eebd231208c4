// Random trained-like networks as ONNX bytes: what property tests of measures run on.
#pragma once

#include <cmath>
#include <random>

#include "support/onnx_builder.h"

namespace mho::testing {

enum class NetworkKind { kReluMlp, kSmoothMlp, kCnn, kAffine };

struct RandomNetwork {
  std::string bytes;
  Shape input;  ///< of one example, without the example axis
};

/// Layers with He-scaled normal weights, random widths and activations, residual sums here and there.
class RandomNetworkMaker {
 public:
  RandomNetworkMaker(NetworkKind kind, unsigned seed) : kind_(kind), random_(seed) {}

  RandomNetworkMaker& without_biases() {
    biases_ = false;
    return *this;
  }

  RandomNetwork make() {
    Shape input;
    std::string last;
    if (kind_ == NetworkKind::kCnn) {
      input = {pick(1, 3), pick(5, 9), pick(5, 9)};
      builder_.input("x", {std::string("N"), input[0], input[1], input[2]});
      last = convolutions(input[0]);
    } else {
      input = {pick(4, 20)};
      builder_.input("x", {std::string("N"), input[0]});
      last = dense("x", input[0]);
    }
    builder_.output(last, {std::string("N"), std::int64_t{5}});
    return {builder_.serialized(), input};
  }

 private:
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  std::string fresh(const std::string& what) { return what + std::to_string(++count_); }

  std::string weights(const Shape& shape, std::int64_t fan_in, double gain = 2) {
    std::normal_distribution<float> normal(0, static_cast<float>(std::sqrt(gain / static_cast<double>(fan_in))));
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& v : values) v = normal(random_);
    std::string name = fresh("w");
    builder_.floats(name, shape, values);
    return name;
  }

  std::string bias(std::int64_t count) {
    if (biases_) return weights({count}, 4);
    std::string name = fresh("w");
    builder_.floats(name, {count}, std::vector<float>(static_cast<std::size_t>(count), 0));
    return name;
  }

  std::string activation(const std::string& x) {
    if (kind_ == NetworkKind::kAffine) return x;
    static const std::vector<std::string> kKinked = {"Relu", "Relu", "Relu", "LeakyRelu", "HardSigmoid"};
    static const std::vector<std::string> kSmooth = {"Tanh", "Sigmoid", "Softplus", "Softsign", "Erf"};
    const auto& choices = kind_ == NetworkKind::kSmoothMlp ? kSmooth : kKinked;
    const std::string y = fresh("act");
    builder_.node(choices[static_cast<std::size_t>(pick(0, 4))], {x}, {y}).named(y);
    return y;
  }

  std::string dense(std::string x, std::int64_t width) {
    const std::int64_t depth = pick(2, 4);
    for (std::int64_t layer = 0; layer < depth; ++layer) {
      const std::int64_t out = pick(8, 40);
      const std::string y = fresh("fc");
      builder_.node("Gemm", {x, weights({width, out}, width), bias(out)}, {y}).named(y);
      x = activation(y);
      width = out;
      if (pick(0, 2) == 0) {
        const std::string branch = fresh("branch");
        const std::string sum = fresh("sum");
        builder_.node("MatMul", {x, weights({width, width}, width, 1)}, {branch}).named(branch);
        builder_.node("Add", {activation(branch), x}, {sum}).named(sum);
        x = sum;
      }
    }
    builder_.node("Gemm", {x, weights({width, 5}, width), bias(5)}, {"logits"}).named("logits");
    return "logits";
  }

  std::string convolutions(std::int64_t channels) {
    std::string x = "x";
    const std::int64_t depth = pick(2, 3);
    for (std::int64_t layer = 0; layer < depth; ++layer) {
      const std::int64_t out = pick(2, 20);
      const std::string y = fresh("conv");
      builder_.node("Conv", {x, weights({out, channels, 3, 3}, channels * 9), bias(out)}, {y})
          .named(y)
          .with("pads", std::vector<std::int64_t>{1, 1, 1, 1});
      x = activation(y);
      channels = out;
      if (pick(0, 1) == 0) {
        const std::string branch = fresh("branch");
        const std::string sum = fresh("sum");
        builder_.node("Conv", {x, weights({out, out, 1, 1}, out, 1)}, {branch}).named(branch);
        builder_.node("Add", {branch, x}, {sum}).named(sum);
        x = activation(sum);
      }
    }
    const std::string pooled = fresh("pool");
    if (pick(0, 1) == 0) {
      builder_.node("MaxPool", {x}, {pooled})
          .named(pooled)
          .with("kernel_shape", std::vector<std::int64_t>{2, 2})
          .with("strides", std::vector<std::int64_t>{2, 2});
      x = pooled;
    }
    builder_.node("GlobalAveragePool", {x}, {"gap"}).named("gap");
    builder_.node("Flatten", {"gap"}, {"flat"}).named("flat");
    return dense("flat", channels);
  }

  NetworkKind kind_;
  std::mt19937 random_;
  ModelBuilder builder_;
  int count_ = 0;
  bool biases_ = true;
};

inline RandomNetwork random_network(NetworkKind kind, unsigned seed) { return RandomNetworkMaker(kind, seed).make(); }

/// `count` examples of standard normal numbers.
inline Array random_inputs(const Shape& one, std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Shape shape = one;
  shape.insert(shape.begin(), count);
  std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
  for (float& v : values) v = normal(random);
  return {shape, values};
}

}  // namespace mho::testing
