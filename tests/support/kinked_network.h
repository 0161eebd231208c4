// Random piecewise linear networks of every primitive with kinks, as ONNX bytes: tensors that are reused, windows,
// broadcast operands, residual sums.
#pragma once

#include <cmath>
#include <random>

#include "support/random_network.h"

namespace mho::testing {

class KinkedNetworkMaker {
 public:
  explicit KinkedNetworkMaker(unsigned seed) : random_(seed) {}

  RandomNetwork make() {
    builder_.input("x", {std::string("N"), std::int64_t{1}, kWidth, kWidth});
    std::string x = convolution("x", 1);
    const int depth = pick(2, 4);
    for (int layer = 0; layer < depth; ++layer) {
      const std::string before = x;
      x = bend(x);
      if (pick(0, 2) == 0) x = add(x, before);
      if (layer + 1 < depth && pick(0, 1) == 0) x = convolution(x, kChannels);
    }
    if (pick(0, 1) == 0) x = pool(x);
    const std::string flat = extremum(x);
    builder_.floats("w_out", {kChannels, 3}, numbers(kChannels * 3, 1));
    builder_.node("MatMul", {flat, "w_out"}, {"logits"}).named("logits");
    builder_.output("logits", {std::string("N"), std::int64_t{3}});
    return {builder_.serialized(), {1, kWidth, kWidth}};
  }

 private:
  static constexpr std::int64_t kWidth = 5;
  static constexpr std::int64_t kChannels = 3;

  int pick(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }
  std::string fresh(const std::string& what) { return what + std::to_string(++count_); }
  std::vector<float> numbers(std::int64_t count, double scale) {
    std::normal_distribution<float> normal(0, static_cast<float>(scale));
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& v : values) v = normal(random_);
    return values;
  }
  std::string constant(const Shape& shape, double scale) {
    std::string name = fresh("c");
    builder_.floats(name, shape, numbers(element_count(shape), scale));
    return name;
  }
  std::string apply(const std::string& type, const std::vector<std::string>& inputs) {
    std::string y = fresh(type);
    builder_.node(type, inputs, {y}).named(y);
    return y;
  }

  std::string convolution(const std::string& x, std::int64_t channels) {
    const std::string y = fresh("conv");
    const double scale = std::sqrt(2.0 / static_cast<double>(9 * channels));
    builder_.node("Conv", {x, constant({kChannels, channels, 3, 3}, scale), constant({kChannels}, 0.5)}, {y})
        .named(y)
        .with("pads", std::vector<std::int64_t>{1, 1, 1, 1});
    return y;
  }
  std::string add(const std::string& a, const std::string& b) { return apply("Add", {a, b}); }

  std::string bend(const std::string& x) {
    switch (pick(0, 7)) {
      case 0:
        return apply("Relu", {x});
      case 1:
        return apply("LeakyRelu", {x});
      case 2:
        return apply("PRelu", {x, constant({kChannels, 1, 1}, 0.3)});
      case 3:
        return apply("Abs", {x});
      case 4: {
        builder_.floats(fresh("low"), {}, {-0.5F});
        const std::string low = "low" + std::to_string(count_);
        builder_.floats(fresh("high"), {}, {0.75F});
        return apply("Clip", {x, low, "high" + std::to_string(count_)});
      }
      case 5:
        return apply("HardSigmoid", {x});
      case 6:
        return apply("Max", {x, constant({kChannels, 1, kWidth}, 0.5)});
      default:
        return apply("Min", {x, convolution(x, kChannels)});
    }
  }
  std::string pool(const std::string& x) {
    const std::string y = fresh("pool");
    builder_.node("MaxPool", {x}, {y})
        .named(y)
        .with("kernel_shape", std::vector<std::int64_t>{2, 3})
        .with("strides", std::vector<std::int64_t>{2, 1})
        .with("pads", std::vector<std::int64_t>{1, 1, 0, 1});
    return y;
  }
  /// [N, channels, ...] to [N, channels]
  std::string extremum(const std::string& x) {
    static const std::vector<std::string> kTypes = {"ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum"};
    const std::string y = fresh("reduced");
    const std::string& type = kTypes[static_cast<std::size_t>(pick(0, 3))];
    std::vector<std::string> inputs = {x};
    if (type == "ReduceSum") {  // an input in opset 13, an attribute of the others until 18
      builder_.integers(fresh("axes"), {2}, {2, 3});
      inputs.push_back("axes" + std::to_string(count_));
    }
    NodeHandle node = builder_.node(type, inputs, {y}).named(y).with("keepdims", 0);
    if (type != "ReduceSum") node.with("axes", std::vector<std::int64_t>{2, 3});
    return y;
  }

  std::mt19937 random_;
  ModelBuilder builder_;
  int count_ = 0;
};

inline RandomNetwork kinked_network(unsigned seed) { return KinkedNetworkMaker(seed).make(); }

}  // namespace mho::testing
