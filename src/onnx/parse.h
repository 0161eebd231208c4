// From bytes to a checked ONNX graph: every tensor has one source, nodes are in order, operators are known.
#pragma once

#include <onnx/onnx_pb.h>

#include <memory>
#include <string>
#include <vector>

#include "onnx/body.h"
#include "onnx/functions.h"
#include "onnx/model.h"

namespace mho::onnx {

struct ParsedModel {
  std::shared_ptr<const ::onnx::ModelProto> proto;
  Body graph;
  BodyOfGraph subgraphs;
  Functions functions;
  Opsets opsets;
  std::vector<PortInfo> inputs;
  std::vector<PortInfo> outputs;
  kernels::MemoryShare memory;  ///< of what was decoded and copied
};

/// `what` names the model in messages. Throws Error as Model::load, also where Limits make no sense.
[[nodiscard]] ParsedModel parse(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                                const Limits& limits, const std::shared_ptr<kernels::MemoryMeter>& memory,
                                const std::string& what);

}  // namespace mho::onnx
