// Evaluates one primitive on constants, in double precision.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace mho::graph {

/// Outputs of `primitive` for constant inputs, computed on `device`. Real results are kept as f32 where that loses
/// nothing, else as f64. Throws what the primitive's infer() throws.
[[nodiscard]] std::vector<Constant> evaluate_constants(kernels::Device& device, const primitives::Primitive& primitive,
                                                       std::span<const Constant> inputs);

/// The constant with real elements as `real` (f32 or f64); shared, not copied, where they are so already.
[[nodiscard]] Constant with_real_type(const Constant& constant, DType real);

}  // namespace mho::graph
