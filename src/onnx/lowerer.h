// Lowers a parsed model's nodes in order: through functions, branches and loops, which leave no trace in the graph.
#pragma once

#include "graph/graph.h"
#include "onnx/parse.h"

namespace mho::onnx {

/// See Model::specialize.
[[nodiscard]] graph::Graph lower(const ParsedModel& model, const Limits& limits,
                                 const std::shared_ptr<kernels::MemoryMeter>& memory,
                                 const Model::Specialization& specialization);

}  // namespace mho::onnx
