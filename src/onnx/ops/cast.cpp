// Cast 1–25, CastLike 15–25, BitCast 26 between integers. mho computes with reals (any ONNX float type), 64-bit
// integers and bools, so that casts between float types change nothing: float16 and bfloat16 are computed in the wider
// type, unrounded. Real to integer truncates towards zero; integers wrap around into narrower ones, as in C.
#include <fmt/format.h>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// x modulo 2^bits, in [0, 2^bits) or [-2^(bits-1), 2^(bits-1)).
ValueId wrap(Builder& build, ValueId x, int bits, bool is_signed) {
  const ValueId modulus = build.integers({}, {std::int64_t{1} << bits});
  if (!is_signed) return binary(build, Binary::mod, x, modulus);
  const ValueId half = build.integers({}, {std::int64_t{1} << (bits - 1)});
  return sub(build, binary(build, Binary::mod, add(build, x, half), modulus), half);
}

/// Input 0 as the ONNX element type `to`.
std::vector<ValueId> cast_to(const NodeContext& node, std::int64_t to) {
  Builder& build = node.build;
  const ValueId x = node.input(0);
  const auto integer = [&] { return cast(build, x, DType::i64); };
  const bool from_bool = node.type_of(0).dtype == DType::b8;
  switch (to) {  // TensorProto.DataType
    case 1:      // FLOAT
    case 10:     // FLOAT16
    case 11:     // DOUBLE
    case 16:     // BFLOAT16
      return {as_real(build, x)};
    case 9:  // BOOL
      return {cast(build, x, DType::b8)};
    case 7:   // INT64
    case 13:  // UINT64
      return {integer()};
    case 2:  // UINT8
      return {from_bool ? integer() : wrap(build, integer(), 8, false)};
    case 3:  // INT8
      return {from_bool ? integer() : wrap(build, integer(), 8, true)};
    case 4:  // UINT16
      return {from_bool ? integer() : wrap(build, integer(), 16, false)};
    case 5:  // INT16
      return {from_bool ? integer() : wrap(build, integer(), 16, true)};
    case 6:  // INT32
      return {from_bool ? integer() : wrap(build, integer(), 32, true)};
    case 12:  // UINT32
      return {from_bool ? integer() : wrap(build, integer(), 32, false)};
    default:
      node.unsupported(
          fmt::format("casting to the ONNX element type {} is not available; float, double, float16, "
                      "bfloat16, bool and the integers of 8 to 64 bits are",
                      to));
  }
}

std::vector<ValueId> lower_cast(const NodeContext& node) { return cast_to(node, node.attributes.integer("to", 0)); }

/// Bytes of an element; 0 for what is neither a bool nor an integer.
int integer_bytes(std::int64_t element_type) {
  switch (element_type) {
    case 2:  // UINT8
    case 3:  // INT8
    case 9:  // BOOL
      return 1;
    case 4:  // UINT16
    case 5:  // INT16
      return 2;
    case 6:   // INT32
    case 12:  // UINT32
      return 4;
    case 7:   // INT64
    case 13:  // UINT64
      return 8;
    default:
      return 0;
  }
}

/// Between integers of one width the bits are those of a Cast, which wraps around; reals here do not have ONNX's bits.
std::vector<ValueId> lower_bit_cast(const NodeContext& node) {
  const std::int64_t to = node.attributes.integer("to", 0);
  const int from = node.element_type(0);
  if (integer_bytes(from) == 0 || integer_bytes(to) == 0 || (to == 9 && from != 9)) {
    node.unsupported("only the bits of integers can be read, as other integers");
  }
  if (integer_bytes(from) != integer_bytes(to)) node.invalid("it changes the width of its elements");
  return lower_cast(node);
}

std::vector<ValueId> lower_cast_like(const NodeContext& node) {
  const DType type = node.type_of(1).dtype;
  // How wide integers are says the element type alone.
  if (type == DType::i64 && integer_bytes(node.element_type(1)) != 0) return cast_to(node, node.element_type(1));
  return {cast(node.build, node.input(0), type)};
}

}  // namespace

std::vector<Operator> cast_operators() {
  return {
      {.type = "BitCast", .since = 26, .lowering = lower_bit_cast},
      {.type = "Cast", .since = 6, .lowering = lower_cast},
      {.type = "CastLike", .since = 15, .lowering = lower_cast_like},
  };
}

}  // namespace mho::onnx::ops
