// Random networks over all operators with a DeepLIFT rule, as ONNX bytes: reused tensors and weights, several inputs.
#pragma once

#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/onnx_builder.h"

namespace mho::testing {

struct OperatorNetwork {
  std::string bytes;
  std::vector<std::string> inputs;  ///< each [N, kWidth]
  std::set<std::string> operators;  ///< ONNX types in it
};

/// Every step makes one [N, kWidth] tensor of tensors made before, by an operator drawn at random. Values stay of the
/// order of one: arguments of operators that grow or have poles are bounded first.
class OperatorNetworkMaker {
 public:
  static constexpr std::int64_t kWidth = 6;

  explicit OperatorNetworkMaker(unsigned seed) : random_(seed), builder_(24, 10) {}

  OperatorNetwork make() {
    OperatorNetwork network;
    // Chains have many cuts; in the others any tensor may be used again anywhere.
    chain_ = pick(0, 1) == 0;
    const std::int64_t inputs = chain_ ? 1 : pick(1, 2);
    for (std::int64_t i = 0; i < inputs; ++i) {
      network.inputs.push_back(i == 0 ? "a" : "b");
      builder_.input(network.inputs.back(), {std::string("N"), kWidth});
      tensors_.push_back(network.inputs.back());
    }
    const std::int64_t steps = pick(3, 9);
    for (std::int64_t step = 0; step < steps; ++step) tensors_.push_back(block(any()));
    // Every loose end reaches the target.
    std::string sum = tensors_[0];
    if (chain_) sum = tensors_.back();
    for (std::size_t i = 1; !chain_ && i < tensors_.size(); ++i) sum = node("Add", {sum, dense(tensors_[i], kWidth)});
    builder_.node("MatMul", {sum, weights({kWidth, 3})}, {"logits"}).named("logits");
    builder_.output("logits", {std::string("N"), std::int64_t{3}});
    network.bytes = builder_.serialized();
    network.operators = used_;
    return network;
  }

 private:
  using Ints = std::vector<std::int64_t>;

  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  double real(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  std::string fresh(const std::string& what) { return what + std::to_string(++count_); }
  std::string any() {
    const auto last = static_cast<std::int64_t>(tensors_.size()) - 1;
    return tensors_[static_cast<std::size_t>(chain_ ? last : pick(0, last))];
  }

  NodeHandle add(const std::string& type, const std::vector<std::string>& inputs, const std::string& output) {
    used_.insert(type);
    return builder_.node(type, inputs, {output});
  }
  std::string node(const std::string& type, const std::vector<std::string>& inputs) {
    std::string y = fresh(type);
    add(type, inputs, y);
    return y;
  }
  std::string with_axis(const std::string& type, const std::vector<std::string>& inputs, std::int64_t axis) {
    std::string y = fresh(type);
    add(type, inputs, y).with("axis", axis);
    return y;
  }

  /// One weight in three is used again where the shape allows it.
  std::string weights(const Shape& shape) {
    auto& made = weights_[shape];
    if (!made.empty() && pick(0, 2) == 0) return made.front();
    std::int64_t fan_in = shape.size() == 1 ? 4 : 1;
    for (std::size_t i = shape.size() == 2 ? 0 : 1; i < shape.size() - (shape.size() == 2 ? 1 : 0); ++i) {
      fan_in *= shape[i];
    }
    std::normal_distribution<float> normal(0, static_cast<float>(std::sqrt(1.5 / static_cast<double>(fan_in))));
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& v : values) v = normal(random_);
    made.push_back(fresh("w"));
    builder_.floats(made.back(), shape, values);
    return made.back();
  }
  std::string scalar(double value) {
    std::string name = fresh("c");
    builder_.floats(name, {}, {static_cast<float>(value)});
    return name;
  }
  std::string floats(const std::vector<float>& values) {
    std::string name = fresh("c");
    builder_.floats(name, {static_cast<std::int64_t>(values.size())}, values);
    return name;
  }
  std::string ints(const Ints& values) {
    std::string name = fresh("i");
    builder_.integers(name, {static_cast<std::int64_t>(values.size())}, values);
    return name;
  }

  std::string dense(const std::string& x, std::int64_t from) {
    return node("Gemm", {x, weights({from, kWidth}), weights({kWidth})});
  }
  std::string reshape(const std::string& x, const Ints& shape) { return node("Reshape", {x, ints(shape)}); }
  /// In (0.5, inf): for logarithms, roots and denominators.
  std::string positive(const std::string& x) { return node("Add", {node("Softplus", {x}), scalar(0.5)}); }
  std::string bounded(const std::string& x) { return node("Tanh", {x}); }

  std::string block(const std::string& x) {
    switch (pick(0, 13)) {
      case 0:
        return activation(dense(x, kWidth));
      case 1:
        return activation(x);
      case 2:
        return from_domain(x);
      case 3:
        return arithmetic(x, any());
      case 4:
        return choice(x, any());
      case 5:
        return attention(x);
      case 6:
        return image(x);
      case 7:
        return normalisation(x);
      case 8:
        return reduction(x);
      case 9:
        return movement(x, any());
      case 10:
        return gate(x, any());
      case 11:
        return with_axis(pick(0, 1) == 0 ? "Softmax" : "LogSoftmax", {x}, -1);
      case 12:
        return node("MatMul", {activation(x), weights({kWidth, kWidth})});
      default:
        return sequence(x);
    }
  }

  std::string activation(const std::string& x) {
    if (pick(0, 5) == 0) return step(x);
    static const std::vector<std::string> kTypes = {
        "Relu",     "Relu",      "LeakyRelu", "Elu",   "Selu", "Celu",  "Sigmoid", "HardSigmoid", "Tanh",
        "Softplus", "Softsign",  "Erf",       "Gelu",  "Abs",  "Sin",   "Cos",     "Atan",        "ThresholdedRelu",
        "Mish",     "HardSwish", "Clip",      "PRelu", "Neg",  "Asinh", "Swish",   "Identity",    "Dropout",
        "Shrink"};
    const std::string& type = kTypes[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(kTypes.size()) - 1))];
    if (type == "Clip") return node("Clip", {x, scalar(-0.4), scalar(0.7)});
    if (type == "PRelu") return node("PRelu", {x, weights({kWidth})});
    if (type == "Shrink") {
      const std::string y = fresh(type);
      add(type, {x}, y).with("lambd", 0.3).with("bias", 0.1);
      return y;
    }
    return node(type, {x});
  }
  /// Piecewise constant, alone or beside something that is not; and what reads integers.
  std::string step(const std::string& x) {
    static const std::vector<std::string> kTypes = {"Floor", "Ceil", "Round", "Sign", "Hardmax", "Cast", "CastLike"};
    const std::string& type = kTypes[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(kTypes.size()) - 1))];
    if (type == "Hardmax") return with_axis(type, {x}, -1);
    if (type == "Cast" || type == "CastLike") {
      std::string whole = fresh("Cast"), back = fresh(type);
      add("Cast", {node("Mul", {x, scalar(3)})}, whole).with("to", std::int64_t{::onnx::TensorProto::INT64});
      if (type == "CastLike") return node(type, {whole, x});
      add("Cast", {whole}, back).with("to", std::int64_t{::onnx::TensorProto::FLOAT});
      return back;
    }
    return node(type, {node("Mul", {x, scalar(2)})});
  }

  std::string from_domain(const std::string& x) {
    switch (pick(0, 12)) {
      case 0:
        return node("Log", {positive(x)});
      case 1:
        return node("Sqrt", {positive(x)});
      case 2:
        return node("Reciprocal", {positive(x)});
      case 3:
        return node("Exp", {bounded(x)});
      case 4:
        return node("Pow", {positive(x), scalar(real(-1, 1.5))});
      case 5:
        return node("Pow", {bounded(x), scalar(2)});
      case 6:
        return node("Sinh", {bounded(x)});
      case 7:
        return node("Cosh", {bounded(x)});
      case 8:
        return node("Tan", {bounded(x)});
      case 9:
        return node("Acos", {node("Mul", {bounded(x), scalar(0.9)})});
      case 10:
        return node("Atanh", {node("Mul", {bounded(x), scalar(0.9)})});
      case 11:
        return node("Acosh", {node("Add", {positive(x), scalar(1)})});
      default:
        return node("Asin", {node("Mul", {bounded(x), scalar(0.9)})});
    }
  }

  std::string arithmetic(const std::string& x, const std::string& y) {
    switch (pick(0, 7)) {
      case 0:
        return node("Add", {x, y});
      case 1:
        return node("Sub", {x, y});
      case 2:
        return node("Mul", {bounded(x), y});
      case 3:
        return node("Div", {x, positive(y)});
      case 4:
        return node("Pow", {positive(x), bounded(y)});
      case 5:
        return node("Sum", {x, y, x});
      case 6: {
        const std::string y_mod = fresh("Mod");
        add("Mod", {x, positive(y)}, y_mod).with("fmod", std::int64_t{1});
        return y_mod;
      }
      default:
        return node("Mean", {x, y, dense(x, kWidth)});
    }
  }

  std::string choice(const std::string& x, const std::string& y) {
    switch (pick(0, 6)) {
      case 0:
        return node("Max", {x, y});
      case 1:
        return node("Min", {x, y, dense(y, kWidth)});
      case 2:
        return node("Where", {node("Greater", {x, y}), x, y});
      case 3:
        return node("Where", {node("Or", {node("GreaterOrEqual", {x, y}), node("LessOrEqual", {y, scalar(-0.2)})}), y,
                              node("Mul", {x, scalar(0.5)})});
      case 4:
        return node("Where", {node("Xor", {node("Greater", {x, scalar(0.1)}), node("Less", {y, scalar(0.2)})}), x, y});
      case 5:
        return node("Where", {node("Or", {node("Equal", {node("Sign", {x}), node("Sign", {y})}),
                                          node("Or", {node("IsNaN", {x}), node("IsInf", {y})})}),
                              x, y});
      default:
        return node("Where", {node("And", {node("Less", {x, scalar(0.3)}), node("Not", {node("Less", {y, x})})}),
                              node("Mul", {x, scalar(0.5)}), y});
    }
  }

  std::string attention(const std::string& x) {
    const auto head = [&](const std::string& of) { return reshape(dense(of, kWidth), {0, 3, 2}); };
    std::string transposed = fresh("Transpose");
    add("Transpose", {head(x)}, transposed).with("perm", Ints{0, 2, 1});
    const std::string scores = with_axis("Softmax", {node("MatMul", {head(any()), transposed})}, -1);
    return reshape(node("MatMul", {scores, head(x)}), {0, kWidth});
  }

  std::string image(const std::string& x) {
    std::string wide = node("MatMul", {x, weights({kWidth, 32})});
    std::string y = reshape(wide, {0, 2, 4, 4});
    if (pick(0, 1) == 0) {
      const std::string conv = fresh("Conv");
      add("Conv", {y, weights({2, 2, 3, 3}), weights({2})}, conv).with("pads", Ints{1, 1, 1, 1});
      y = pick(0, 1) == 0 ? node("Relu", {conv}) : node("Add", {conv, y});
    }
    switch (pick(0, 12)) {
      case 0:
        y = pool("MaxPool", y);
        break;
      case 1:
        y = pool("AveragePool", y);
        break;
      case 2: {
        const std::string normal = fresh("LRN");
        add("LRN", {y}, normal).with("size", std::int64_t{3}).with("alpha", 0.3);
        y = normal;
        break;
      }
      case 3:
        y = node("InstanceNormalization", {y, weights({2}), weights({2})});
        break;
      case 4: {
        const std::string normal = fresh("GroupNormalization");
        add("GroupNormalization", {y, weights({2}), weights({2})}, normal).with("num_groups", std::int64_t{1});
        y = normal;
        break;
      }
      case 5:
        y = node("BatchNormalization", {y, weights({2}), weights({2}), weights({2}), floats({0.5F, 1.5F})});
        break;
      case 6:
        // Of a constant it would have slope 1e9: its variance is kept away from 0 by an offset that varies.
        y = node("MeanVarianceNormalization", {node("Add", {y, weights({2, 4, 4})})});
        break;
      case 7:
        y = pool("LpPool", node("Add", {y, scalar(0.3)}));
        break;
      case 8: {
        const std::string resized = fresh("Resize");
        add("Resize", {y, "", floats({1, 1, 2, 1.5F})}, resized)
            .with("mode", std::string(pick(0, 1) == 0 ? "linear" : "nearest"));
        y = resized;
        break;
      }
      case 9: {
        const std::string deep = fresh("SpaceToDepth"), wide_again = fresh("DepthToSpace");
        add("SpaceToDepth", {y}, deep).with("blocksize", std::int64_t{2});
        add("DepthToSpace", {node("Relu", {deep})}, wide_again).with("blocksize", std::int64_t{2});
        y = wide_again;
        break;
      }
      case 10: {
        const std::string triangle = fresh("Trilu");
        add("Trilu", {y}, triangle).with("upper", std::int64_t{1});
        y = triangle;
        break;
      }
      case 11:
        return dense(node("Flatten", {node("GlobalLpPool", {node("Add", {y, scalar(0.3)})})}), 2);
      default: {
        const std::string wider = fresh("ConvTranspose");
        add("ConvTranspose", {y, weights({2, 2, 2, 2})}, wider).with("strides", Ints{2, 2});
        y = wider;
      }
    }
    y = node(pick(0, 1) == 0 ? "GlobalMaxPool" : "GlobalAveragePool", {y});
    return dense(node("Flatten", {y}), 2);
  }
  std::string pool(const std::string& type, const std::string& x) {
    std::string y = fresh(type);
    add(type, {x}, y).with("kernel_shape", Ints{3, 2}).with("strides", Ints{1, 2});
    return y;
  }

  std::string normalisation(const std::string& x) {
    switch (pick(0, 3)) {
      case 0:
        return with_axis("LayerNormalization", {x, weights({kWidth}), weights({kWidth})}, -1);
      case 1:
        return with_axis("RMSNormalization", {x, weights({kWidth})}, -1);
      case 2:
        return with_axis("LpNormalization", {node("Add", {x, scalar(0.1)})}, -1);
      default:
        // RMS normalisation, spelled out.
        return node("Div", {x, node("Sqrt", {node("Add", {reduce("ReduceMean", node("Mul", {x, x})), scalar(0.1)})})});
    }
  }

  std::string reduce(const std::string& type, const std::string& x) {
    std::string y = fresh(type);
    add(type, {x, ints({1})}, y);
    return y;
  }
  std::string reduction(const std::string& x) {
    static const std::vector<std::string> kTypes = {"ReduceSum", "ReduceMean",      "ReduceMax",      "ReduceMin",
                                                    "ReduceL1",  "ReduceSumSquare", "ReduceLogSumExp"};
    switch (pick(0, 4)) {
      case 0:
        return node("Add", {x, reduce("ReduceProd", positive(bounded(x)))});
      case 1:
        return node("Mul", {x, reduce("ReduceLogSum", positive(x))});
      case 2:
        return node("Div", {x, reduce("ReduceL2", positive(x))});
      default:
        return node("Sub", {x, reduce(kTypes[static_cast<std::size_t>(pick(0, 6))], any())});
    }
  }

  std::string movement(const std::string& x, const std::string& y) {
    switch (pick(0, 9)) {
      case 4: {
        const std::string sums = fresh("CumSum");
        add("CumSum", {x, ints({1})}, sums);
        return node("Mul", {sums, scalar(0.4)});
      }
      case 5:
        return node("Squeeze", {node("Relu", {node("Unsqueeze", {x, ints({1})})}), ints({1})});
      case 6:
        return dense(node("Tile", {x, ints({1, 2})}), 2 * kWidth);
      case 7: {
        // Of the first rows of x transposed, so that the batch is not what is gathered from.
        const std::string rows = fresh("i");
        builder_.integers(rows, {kWidth, 1}, {3, 1, 0, 0, 5, 2});
        const std::string all = node("Expand", {rows, node("Shape", {node("Transpose", {x})})});
        return node("Transpose", {with_axis("GatherElements", {node("Transpose", {x}), all}, 0)});
      }
      case 8: {
        const std::string where = fresh("i");
        builder_.integers(where, {kWidth, 1}, {2, 2, 0, 1, 5, 4});
        return node("Transpose", {node("GatherND", {node("Transpose", {x}), where})});
      }
      case 9:
        return node("Add", {x, node("Expand", {reduce("ReduceMean", y), ints({1, kWidth})})});
      case 0:
        return dense(with_axis("Concat", {x, y}, 1), 2 * kWidth);
      case 1: {
        const std::string first = fresh("Split"), second = fresh("Split");
        used_.insert("Split");
        builder_.node("Split", {x}, {first, second}).with("axis", std::int64_t{1}).with("num_outputs", std::int64_t{2});
        return with_axis("Concat", {second, node("Relu", {first})}, 1);
      }
      case 2:
        return with_axis("Gather", {x, ints({5, 0, 0, 3, 2, 1})}, 1);
      default:
        return node("Pad", {node("Slice", {x, ints({1}), ints({5}), ints({1})}), ints({0, 1, 0, 1}), scalar(0.2)});
    }
  }

  std::string gate(const std::string& x, const std::string& y) {
    switch (pick(0, 2)) {
      case 0:
        return node("Mul", {node("Sigmoid", {dense(x, kWidth)}), y});  // GLU
      case 1:
        return node("Mul", {x, node("Sigmoid", {x})});  // SiLU
      default: {
        // A highway: g * x + (1 - g) * y
        const std::string g = node("Sigmoid", {dense(x, kWidth)});
        return node("Add", {node("Mul", {g, x}), node("Mul", {node("Sub", {scalar(1), g}), y})});
      }
    }
  }

  std::string sequence(const std::string& x) {
    // Two steps of a recurrent cell with one set of weights.
    const std::string w = weights({kWidth, kWidth}), u = weights({kWidth, kWidth});
    std::string h = node("Tanh", {node("MatMul", {x, w})});
    return node("Tanh", {node("Add", {node("MatMul", {any(), w}), node("MatMul", {h, u})})});
  }

  std::mt19937 random_;
  ModelBuilder builder_;
  std::vector<std::string> tensors_;
  std::map<Shape, std::vector<std::string>> weights_;
  std::set<std::string> used_;
  int count_ = 0;
  bool chain_ = false;
};

}  // namespace mho::testing
