// Operators that are one unary primitive, with the ONNX defaults of their attributes.
#include <map>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

struct Row {
  Unary kind;
  double alpha = 0;  // defaults of the attributes alpha and beta
  double beta = 0;
  const char* second = nullptr;  // attribute that UnaryFunction::beta stands for; nullptr: neither is an attribute
};

const std::map<std::string_view, Row>& table() {
  static const std::map<std::string_view, Row> rows{
      {"Abs", {Unary::abs}},
      {"Neg", {Unary::neg}},
      {"Exp", {Unary::exp}},
      {"Log", {Unary::log}},
      {"Sqrt", {Unary::sqrt}},
      {"Reciprocal", {Unary::reciprocal}},
      {"Relu", {Unary::relu}},
      {"Sigmoid", {Unary::sigmoid}},
      {"Tanh", {Unary::tanh}},
      {"Softplus", {Unary::softplus}},
      {"Softsign", {Unary::softsign}},
      {"Erf", {Unary::erf}},
      {"Floor", {Unary::floor}},
      {"Ceil", {Unary::ceil}},
      {"Round", {Unary::round}},
      {"Sign", {Unary::sign}},
      {"Not", {Unary::logical_not}},
      {"IsNaN", {Unary::is_nan}},
      {"Sin", {Unary::sin}},
      {"Cos", {Unary::cos}},
      {"Tan", {Unary::tan}},
      {"Asin", {Unary::asin}},
      {"Acos", {Unary::acos}},
      {"Atan", {Unary::atan}},
      {"Sinh", {Unary::sinh}},
      {"Cosh", {Unary::cosh}},
      {"Asinh", {Unary::asinh}},
      {"Acosh", {Unary::acosh}},
      {"Atanh", {Unary::atanh}},
      {"LeakyRelu", {Unary::leaky_relu, 0.01, 0, "beta"}},
      {"Elu", {Unary::elu, 1, 0, "beta"}},
      {"Celu", {Unary::celu, 1, 0, "beta"}},
      {"Selu", {Unary::selu, 1.67326319217681884765625, 1.05070102214813232421875, "gamma"}},
      {"HardSigmoid", {Unary::hard_sigmoid, 0.2, 0.5, "beta"}},
      {"ThresholdedRelu", {Unary::thresholded_relu, 1, 0, "beta"}},
  };
  return rows;
}

/// The functions that ONNX has for integers too, exactly; kNoValue for the others.
ValueId on_integers(Builder& build, Unary kind, ValueId x) {
  const auto integer = [&](std::int64_t value) { return build.integers({}, {value}); };
  switch (kind) {
    case Unary::neg:
      return sub(build, integer(0), x);
    case Unary::abs:
      return binary(build, Binary::max, x, sub(build, integer(0), x));
    case Unary::relu:
      return binary(build, Binary::max, x, integer(0));
    case Unary::sign:
      return binary(build, Binary::min, binary(build, Binary::max, x, integer(-1)), integer(1));
    default:
      return kNoValue;
  }
}

std::vector<ValueId> lower_unary(const NodeContext& node) {
  const Row& row = table().at(node.type);
  kernels::UnaryFunction f{row.kind, row.alpha, row.beta};
  if (row.second != nullptr) {
    f.alpha = node.attributes.real("alpha", row.alpha);
    f.beta = node.attributes.real(row.second, row.beta);
  }
  const ValueId x = node.input(0);
  if (f.kind == Unary::logical_not) return {unary(node.build, f, cast(node.build, x, DType::b8))};
  if (node.build.type(x).dtype == DType::i64) {
    if (const ValueId y = on_integers(node.build, f.kind, x); y != kNoValue) return {y};
  }
  return {unary(node.build, f, x)};
}

}  // namespace

std::vector<Operator> unary_operators() {
  return {
      {.type = "Abs", .since = 6, .lowering = lower_unary},
      {.type = "Acos", .since = 7, .lowering = lower_unary},
      {.type = "Acosh", .since = 9, .lowering = lower_unary},
      {.type = "Asin", .since = 7, .lowering = lower_unary},
      {.type = "Asinh", .since = 9, .lowering = lower_unary},
      {.type = "Atan", .since = 7, .lowering = lower_unary},
      {.type = "Atanh", .since = 9, .lowering = lower_unary},
      {.type = "Ceil", .since = 6, .lowering = lower_unary},
      {.type = "Celu", .since = 12, .lowering = lower_unary},
      {.type = "Cos", .since = 7, .lowering = lower_unary},
      {.type = "Cosh", .since = 9, .lowering = lower_unary},
      {.type = "Elu", .since = 6, .lowering = lower_unary},
      {.type = "Erf", .since = 9, .lowering = lower_unary},
      {.type = "Exp", .since = 6, .lowering = lower_unary},
      {.type = "Floor", .since = 6, .lowering = lower_unary},
      {.type = "HardSigmoid", .since = 6, .lowering = lower_unary},
      {.type = "IsNaN", .since = 9, .lowering = lower_unary},
      {.type = "LeakyRelu", .since = 6, .lowering = lower_unary},
      {.type = "Log", .since = 6, .lowering = lower_unary},
      {.type = "Neg", .since = 6, .lowering = lower_unary},
      {.type = "Not", .since = 1, .lowering = lower_unary},
      {.type = "Reciprocal", .since = 6, .lowering = lower_unary},
      {.type = "Relu", .since = 1, .lowering = lower_unary},
      {.type = "Round", .since = 11, .lowering = lower_unary},
      {.type = "Selu", .since = 6, .lowering = lower_unary},
      {.type = "Sigmoid", .since = 6, .lowering = lower_unary},
      {.type = "Sign", .since = 9, .lowering = lower_unary},
      {.type = "Sin", .since = 7, .lowering = lower_unary},
      {.type = "Sinh", .since = 9, .lowering = lower_unary},
      {.type = "Softplus", .since = 1, .lowering = lower_unary},
      {.type = "Softsign", .since = 1, .lowering = lower_unary},
      {.type = "Sqrt", .since = 6, .lowering = lower_unary},
      {.type = "Tan", .since = 7, .lowering = lower_unary},
      {.type = "Tanh", .since = 6, .lowering = lower_unary},
      {.type = "ThresholdedRelu", .since = 10, .lowering = lower_unary},
  };
}

}  // namespace mho::onnx::ops
