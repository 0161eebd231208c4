// From bytes to a checked ONNX graph: every tensor has one source, nodes are in order, operators are known.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/tensor.h"
#include "onnx/model.h"

namespace mho::onnx {

struct ParsedModel {
  std::shared_ptr<const ::onnx::ModelProto> proto;
  std::vector<const ::onnx::NodeProto*> nodes;  ///< those the outputs depend on, in topological order
  std::map<std::string, kernels::Constant, std::less<>> initializers;
  std::map<std::string, std::int64_t, std::less<>> opsets;  ///< by domain; "" is ai.onnx
  std::vector<PortInfo> inputs;
  std::vector<PortInfo> outputs;
};

/// The node's name, or what identifies it where it has none: its first output.
[[nodiscard]] const std::string& name_of(const ::onnx::NodeProto& node);
/// The version of the node's domain that the model imports; 0 if it does not.
[[nodiscard]] std::int64_t opset_of(const ParsedModel& model, const ::onnx::NodeProto& node);

/// `what` names the model in messages. Throws Error as Model::load.
[[nodiscard]] ParsedModel parse(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                                const LoadLimits& limits, const std::string& what);

}  // namespace mho::onnx
