// QuantizeLinear and its like: per tensor, per axis, in blocks. Gradients are straight through by definition, so that
// finite differences do not apply; DequantizeLinear and the sums of DeepLIFT are checked like all others.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

using ::onnx::TensorProto;

/// scale and zero point per tensor, or per element of `extent`, or in blocks: their shape.
void give_parameters(Draw& draw, ModelBuilder& model, const Shape& shape) {
  const std::int64_t count = element_count(shape);
  std::vector<std::int8_t> zeros;
  for (std::int64_t i = 0; i < count; ++i) zeros.push_back(static_cast<std::int8_t>(draw.integer(-20, 20)));
  model.floats("scale", shape, draw.floats(shape, {0.01, 0.2}));
  model.initializer(raw_tensor("zero", TensorProto::INT8, shape, zeros));
}

}  // namespace

OperatorCases quantize_cases(Draw& draw) {
  OperatorCases cases;
  const Shape x{draw.integer(1, 3), draw.integer(2, 6)};
  const std::int64_t block = draw.integer(1, 3);
  for (const char* type : {"QuantizeLinear", "DequantizeLinear"}) {
    for (const Shape& parameters : {Shape{}, Shape{x[1]}, Shape{x[0], (x[1] + block - 1) / block}}) {
      const bool blocked = parameters.size() == 2;
      ModelBuilder model = model_of_x(x, blocked ? 21 : draw.one_of<std::int64_t>({13, 19, 21}));
      give_parameters(draw, model, parameters);
      NodeHandle node = model.node(type, {"x", "scale", "zero"}, {"y"}).with("axis", -1);
      if (blocked) node.with("block_size", block);
      cases.push_back({type, std::move(model), {{"x", {-3, 3}}}, {}, std::string(type) == "QuantizeLinear"});
    }
    ModelBuilder microsoft = model_of_x(x, 17);
    microsoft.import("com.microsoft", 1);
    give_parameters(draw, microsoft, {});
    microsoft.node(type, {"x", "scale", "zero"}, {"y"}).in_domain("com.microsoft");
    cases.push_back({type, std::move(microsoft), {}, {}, std::string(type) == "QuantizeLinear"});
  }

  ModelBuilder dynamic = model_of_x(x, 11);
  dynamic.node("DynamicQuantizeLinear", {"x"}, {"q", "scale", "zero"});
  dynamic.node("Mul", {"q", "scale"}, {"y"});
  cases.push_back({"DynamicQuantizeLinear", std::move(dynamic), {{"x", {-3, 3}}}, {}, true});

  ModelBuilder products = model_of_x(x, draw.one_of<std::int64_t>({10, 21}));
  give_parameters(draw, products, {});
  const Shape w{x[1], draw.integer(1, 3)};
  products.floats("w", w, draw.floats(w, {-50, 50}));
  products.node("QLinearMatMul", {"x", "scale", "zero", "w", "scale", "zero", "scale", "zero"}, {"y"});
  cases.push_back({"QLinearMatMul", std::move(products), {{"x", {-50, 50}}}, {}, true});

  ModelBuilder integers = model_of_x(x, 10);
  give_parameters(draw, integers, {});
  integers.floats("w", w, draw.floats(w, {-5, 5}));
  integers.node("MatMulInteger", {"x", "w", "zero", "zero"}, {"y"});
  cases.push_back({"MatMulInteger", std::move(integers)});

  const Shape image{1, 2, draw.integer(3, 5), 4}, kernel{3, 2, 2, 2};
  ModelBuilder plain = model_of_x(image, 10);
  give_parameters(draw, plain, {});
  plain.floats("w", kernel, draw.floats(kernel, {-5, 5}));
  plain.node("ConvInteger", {"x", "w", "zero", "zero"}, {"y"}).with("pads", std::vector<std::int64_t>{1, 0, 0, 1});
  cases.push_back({"ConvInteger", std::move(plain)});

  ModelBuilder conv = model_of_x(image, 10);
  give_parameters(draw, conv, {});
  conv.floats("w", kernel, draw.floats(kernel, {-50, 50})).floats("w_scale", {3}, draw.floats({3}, {0.01, 0.1}));
  conv.initializer(raw_tensor("w_zero", TensorProto::INT8, {3}, std::vector<std::int8_t>{0, 1, 2}));
  conv.initializer(raw_tensor("b", TensorProto::INT32, {3}, std::vector<std::int32_t>{-9, 0, 7}));
  conv.node("QLinearConv", {"x", "scale", "zero", "w", "w_scale", "w_zero", "scale", "zero", "b"}, {"y"});
  cases.push_back({"QLinearConv", std::move(conv), {{"x", {-50, 50}}}, {}, true});
  return cases;
}

}  // namespace mho::testing::ops
