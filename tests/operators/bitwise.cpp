// Bit operations of constants, as factors.
#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases bitwise_cases(Draw& draw) {
  CaseList cases;
  for (const char* type : {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot", "BitShift"}) {
    cases.add("Mul", {3}, 18, {"factor"});
    std::vector<std::uint8_t> bits(3), other(3);
    for (std::uint8_t& b : bits) b = static_cast<std::uint8_t>(draw.integer(0, 255));
    for (std::uint8_t& b : other) b = static_cast<std::uint8_t>(draw.integer(0, 7));
    cases.model().initializer(raw_tensor("bits", ::onnx::TensorProto::UINT8, {3}, bits));
    cases.model().initializer(raw_tensor("other", ::onnx::TensorProto::UINT8, {3}, other));
    const bool one = std::string(type) == "BitwiseNot";
    NodeHandle node = cases.model().node(
        type, one ? std::vector<std::string>{"bits"} : std::vector<std::string>{"bits", "other"}, {"made"});
    if (std::string(type) == "BitShift") node.with("direction", draw.coin() ? "LEFT" : "RIGHT");
    cases.model().node("Cast", {"made"}, {"factor"}).with("to", 1);
  }
  return std::move(cases).take();
}

}  // namespace mho::testing::ops
