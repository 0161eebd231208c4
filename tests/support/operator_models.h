// A small valid model for every operator that can be lowered: what damage tests alter and the fuzzer starts from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "support/onnx_builder.h"

namespace mho::testing {

/// A classifier with everything a loader meets: initializers of several forms, symbols, attributes, shape arithmetic.
inline ModelBuilder sample_network() {
  ModelBuilder model(13);
  const std::vector<float> kernel(4 * 2 * 3 * 3, 0.125F);
  model.input("x", {"N", 2, 6, 6}).output("y", {"N", 3});
  model.floats("kernel", {4, 2, 3, 3}, kernel)
      .floats("scale", {4}, {1, 2, 3, 4})
      .floats("shift", {4}, {0, 0, 1, 1})
      .initializer(raw_tensor("mean", ::onnx::TensorProto::FLOAT, {4}, std::vector<float>(4, 0.5F)))
      .initializer(raw_tensor("variance", ::onnx::TensorProto::FLOAT, {4}, std::vector<float>(4, 2.0F)))
      .floats("weight", {36, 3}, std::vector<float>(108, 0.01F))
      .integers("zero", {1}, {0})
      .integers("rest", {1}, {-1});
  model.node("Conv", {"x", "kernel"}, {"c"}).named("conv").with("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  model.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, {"n"}).with("epsilon", 1e-5);
  model.node("Relu", {"n"}, {"r"});
  model.node("MaxPool", {"r"}, {"p"})
      .with("kernel_shape", std::vector<std::int64_t>{2, 2})
      .with("strides", std::vector<std::int64_t>{2, 2});
  model.node("Shape", {"p"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"batch"});
  model.node("Concat", {"batch", "rest"}, {"target"}).with("axis", 0);
  model.node("Reshape", {"p", "target"}, {"flat"});
  model.node("Gemm", {"flat", "weight"}, {"logits"}).with("alpha", 0.5);
  model.node("Softmax", {"logits"}, {"y"}).with("axis", -1);
  return model;
}

namespace detail {

using Ints = std::vector<std::int64_t>;

/// A model y = type(x, ...) of the newest opset; inputs after the first are made by `extend`.
class OperatorModels {
 public:
  NodeHandle add(const std::string& type, const std::vector<Extent>& x, std::vector<std::string> more = {},
                 std::int64_t opset = 22, int dtype = ::onnx::TensorProto::FLOAT) {
    last_ = &models_.emplace_back(type + "_" + std::to_string(opset), ModelBuilder(opset, 8)).second;
    last_->input("x", x, dtype).output("y");
    std::vector<std::string> inputs{"x"};
    inputs.insert(inputs.end(), more.begin(), more.end());
    return last_->node(type, inputs, {"y"});
  }
  [[nodiscard]] ModelBuilder& last() { return *last_; }
  [[nodiscard]] std::vector<std::pair<std::string, ModelBuilder>> take() && { return std::move(models_); }

 private:
  std::vector<std::pair<std::string, ModelBuilder>> models_;
  ModelBuilder* last_ = nullptr;
};

inline void add_elementwise(OperatorModels& models) {
  for (const char* type : {"Abs",      "Acos",       "Acosh",    "Asin",       "Asinh",       "Atan",
                           "Atanh",    "Ceil",       "Celu",     "Cos",        "Cosh",        "Elu",
                           "Erf",      "Exp",        "Floor",    "Gelu",       "HardSigmoid", "HardSwish",
                           "IsInf",    "IsNaN",      "Identity", "LeakyRelu",  "Log",         "Mish",
                           "Neg",      "Reciprocal", "Relu",     "Round",      "Selu",        "Shape",
                           "Shrink",   "Sigmoid",    "Sign",     "Sin",        "Sinh",        "Size",
                           "Softplus", "Softsign",   "Sqrt",     "Tan",        "Tanh",        "ThresholdedRelu",
                           "Dropout",  "Clip",       "EyeLike",  "Sum",        "Max",         "Min",
                           "Mean",     "Transpose",  "Flatten",  "LogSoftmax", "Softmax",     "LpNormalization",
                           "Trilu",    "ArgMax",     "ArgMin",   "Hardmax"}) {
    models.add(type, {2, 3});
  }
  models.add("Swish", {2, 3}, {}, 24);
  models.add("Clip", {2, 3}, {}, 6).with("min", 0.0).with("max", 6.0);
  models.add("Clip", {2, 3}, {"low"}, 13);
  models.last().floats("low", {}, {0.5F});
  for (const char* type : {"Softmax", "LogSoftmax"}) models.add(type, {2, 3, 2}, {}, 11).with("axis", 1);
  models.add("Not", {2, 3}, {}, 22, ::onnx::TensorProto::BOOL);
  models.add("Cast", {2, 3}).with("to", int{::onnx::TensorProto::INT64});
  for (const char* type : {"Add", "Sub", "Mul", "Div", "Pow", "Equal", "Greater", "GreaterOrEqual", "Less",
                           "LessOrEqual", "PRelu", "CastLike", "Mod", "Sum", "Max"}) {
    NodeHandle node = models.add(type, {2, 3}, {"w"});
    if (std::string(type) == "Mod") node.with("fmod", 1);
    models.last().floats("w", {3}, {1, 2, 3});
  }
  for (const char* type : {"And", "Or", "Xor"}) {
    models.add(type, {2, 3}, {"flags"}, 22, ::onnx::TensorProto::BOOL);
    models.last().initializer(raw_tensor("flags", ::onnx::TensorProto::BOOL, {3}, std::vector<char>{1, 0, 1}));
  }
  models.add("Where", {2, 3}, {"x", "w"}, 22, ::onnx::TensorProto::BOOL);
  models.last().floats("w", {3}, {1, 2, 3}).floats("v", {1}, {1});
  models.last().proto().mutable_graph()->mutable_node(0)->set_input(1, "v");
}

inline void add_windows(OperatorModels& models) {
  models.add("Conv", {1, 4, 5, 5}, {"w"}).with("group", 2).with("strides", Ints{2, 2}).with("auto_pad", "SAME_UPPER");
  models.last().floats("w", {2, 2, 3, 3}, std::vector<float>(36, 0.5F));
  models.add("Conv", {1, 2, 7}, {"w", "b"}).with("dilations", Ints{2}).with("pads", Ints{1, 2});
  models.last().floats("w", {3, 2, 3}, std::vector<float>(18, 0.5F)).floats("b", {3}, {1, 2, 3});
  models.add("ConvTranspose", {1, 2, 4, 4}, {"w"})
      .with("strides", Ints{2, 2})
      .with("output_padding", Ints{1, 1})
      .with("pads", Ints{1, 1, 1, 1});
  models.last().floats("w", {2, 3, 3, 3}, std::vector<float>(54, 0.5F));
  for (const char* type : {"AveragePool", "MaxPool"}) {
    models.add(type, {1, 2, 5, 5})
        .with("kernel_shape", Ints{3, 2})
        .with("strides", Ints{2, 1})
        .with("pads", Ints{1, 0, 1, 1})
        .with("ceil_mode", 1);
  }
  for (const char* type : {"GlobalAveragePool", "GlobalMaxPool", "MeanVarianceNormalization"}) {
    models.add(type, {1, 2, 3, 3});
  }
  models.add("LpPool", {1, 2, 5, 5}).with("kernel_shape", Ints{3, 2}).with("p", 1).with("pads", Ints{1, 0, 1, 1});
  models.add("GlobalLpPool", {1, 2, 3, 3}).with("p", 2);
  models.add("LRN", {1, 4, 2, 2}).with("size", 3).with("alpha", 0.1);
  models.add("Upsample", {1, 1, 2, 2}, {"scales"}, 9).with("mode", "nearest");
  models.last().floats("scales", {4}, {1, 1, 2, 2});
  models.add("Resize", {1, 1, 2, 2}, {"", "", "sizes"}).with("mode", "linear");
  models.last().integers("sizes", {4}, {1, 1, 3, 4});
  models.add("DepthToSpace", {1, 8, 2, 2}).with("blocksize", 2).with("mode", "CRD");
  models.add("SpaceToDepth", {1, 2, 4, 4}).with("blocksize", 2);
}

inline void add_normalizations(OperatorModels& models) {
  const std::vector<float> four{1, 2, 3, 4};
  models.add("BatchNormalization", {1, 4, 2}, {"s", "b", "b", "s"});
  models.last().floats("s", {4}, four).floats("b", {4}, four);
  models.add("InstanceNormalization", {1, 4, 3}, {"s", "b"});
  models.last().floats("s", {4}, four).floats("b", {4}, four);
  models.add("GroupNormalization", {1, 4, 3}, {"s", "b"}).with("num_groups", 2);
  models.last().floats("s", {4}, four).floats("b", {4}, four);
  models.add("LayerNormalization", {2, 4}, {"s", "b"}).with("axis", -1);
  models.last().floats("s", {4}, four).floats("b", {4}, four);
  models.add("RMSNormalization", {2, 4}, {"s"}, 23);
  models.last().floats("s", {4}, four);
}

inline void add_products_and_reductions(OperatorModels& models) {
  models.add("MatMul", {2, 2, 3}, {"w"});
  models.last().floats("w", {3, 2}, {1, 2, 3, 4, 5, 6});
  models.add("Gemm", {3, 2}, {"w", "c"}).with("transA", 1).with("transB", 1).with("beta", 2.0);
  models.last().floats("w", {4, 3}, std::vector<float>(12, 1)).floats("c", {4}, {1, 2, 3, 4});
  for (const char* type : {"ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean",
                           "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"}) {
    models.add(type, {2, 3, 2}, {}, 11).with("axes", Ints{1, -1}).with("keepdims", 0);
    models.add(type, {2, 3, 2}, {"axes"}, 18).with("noop_with_empty_axes", 1);
    models.last().integers("axes", {1}, {-2});
  }
  models.add("CumSum", {2, 3}, {"axis"}).with("exclusive", 1).with("reverse", 1);
  models.last().integers("axis", {}, {1});
}

inline void add_movements(OperatorModels& models) {
  models.add("Concat", {2, 3}, {"x"}).with("axis", 1);
  models.add("Expand", {2, 1}, {"shape"});
  models.last().integers("shape", {3}, {2, 1, 3});
  models.add("Gather", {3, 2}, {"i"}).with("axis", 0);
  models.last().integers("i", {2}, {-1, 0});
  models.add("GatherElements", {2, 2}, {"i"}).with("axis", 1);
  models.last().integers("i", {2, 2}, {0, 1, 1, 0});
  models.add("GatherND", {2, 3, 2}, {"i"}).with("batch_dims", 1);
  models.last().integers("i", {2, 1}, {-1, 0});
  models.add("ArgMax", {2, 3}, {}, 12).with("axis", 1).with("keepdims", 0).with("select_last_index", 1);
  models.add("OneHot", {2}, {"depth", "values"}, 13, ::onnx::TensorProto::INT64);
  models.last().integers("depth", {}, {4}).floats("values", {2}, {0, 1});
  models.add("Pad", {2, 3}, {"pads"}).with("mode", "reflect");
  models.last().integers("pads", {4}, {0, 1, 1, 2});
  models.add("Pad", {2, 3}, {}, 2).with("pads", Ints{0, 1, 1, 2}).with("value", 1.5);
  models.add("Reshape", {2, 3}, {"shape"});
  models.last().integers("shape", {2}, {0, -1});
  models.add("Slice", {4, 4}, {"starts", "ends", "axes", "steps"});
  models.last().integers("starts", {2}, {0, -1}).integers("ends", {2}, {100, -100});
  models.last().integers("axes", {2}, {0, 1}).integers("steps", {2}, {2, -1});
  models.add("Slice", {4, 4}, {}, 9).with("starts", Ints{1, 0}).with("ends", Ints{3, 2});
  models.add("Split", {2, 4}, {"sizes"}, 13).with("axis", 1).proto().add_output("z");
  models.last().integers("sizes", {2}, {1, 3});
  models.add("Squeeze", {2, 1}, {"axes"});
  models.last().integers("axes", {1}, {1});
  models.add("Unsqueeze", {2, 3}, {"axes"});
  models.last().integers("axes", {2}, {0, -1});
  models.add("Unsqueeze", {2, 3}, {}, 11).with("axes", Ints{0, 3});
  models.add("Tile", {2, 3}, {"repeats"});
  models.last().integers("repeats", {2}, {2, 3});
}

/// Operators without an input, or of constants only: what is folded.
inline void add_constants(OperatorModels& models) {
  models.add("Add", {4}, {"c"});
  models.last()
      .node("Constant", {}, {"c"})
      .with("value", raw_tensor("", ::onnx::TensorProto::FLOAT, {4}, std::vector<float>{1, 2, 3, 4}));
  models.add("Add", {4}, {"c"});
  models.last().integers("shape", {1}, {4});
  models.last()
      .node("ConstantOfShape", {"shape"}, {"c"})
      .with("value", raw_tensor("", ::onnx::TensorProto::FLOAT, {1}, std::vector<float>{7}));
  models.add("Add", {4}, {"c"}, 22, ::onnx::TensorProto::INT64);
  models.last().integers("start", {}, {1}).integers("limit", {}, {9}).integers("delta", {}, {2});
  models.last().node("Range", {"start", "limit", "delta"}, {"c"});
  models.add("Gelu", {2, 3}).in_domain("com.microsoft");
  models.last().import("com.microsoft", 1);
}

}  // namespace detail

/// Named after operator and opset. All lower for the declared shapes.
inline std::vector<std::pair<std::string, ModelBuilder>> operator_models() {
  detail::OperatorModels models;
  detail::add_elementwise(models);
  detail::add_windows(models);
  detail::add_normalizations(models);
  detail::add_products_and_reductions(models);
  detail::add_movements(models);
  detail::add_constants(models);
  return std::move(models).take();
}

}  // namespace mho::testing
