// Mod 10–13: fmod = 0 takes the sign of the divisor (integers), fmod = 1 that of the dividend.
#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

std::vector<ValueId> lower_mod(const NodeContext& node) {
  const bool fmod = node.attributes.integer("fmod", 0) != 0;
  return {binary(node.build, fmod ? Binary::fmod : Binary::mod, node.input(0), node.input(1))};
}

}  // namespace

std::vector<Operator> mod_operators() {
  return {
      {.type = "Mod", .since = 10, .lowering = lower_mod},
  };
}

}  // namespace mho::onnx::ops
