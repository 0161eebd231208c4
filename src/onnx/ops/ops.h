// Declarations of all lowerings; each is defined in a file named after its operator.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

std::vector<ValueId> lower_conv(const NodeContext& node);

}  // namespace mho::onnx::ops
