// Model-local functions: operators that a model defines itself, as bodies of other operators.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/body.h"

namespace mho::onnx {

/// Versions of operator sets by domain; "" is ai.onnx.
using Opsets = std::map<std::string, std::int64_t, std::less<>>;

struct Function {
  Body body;
  Opsets opsets;
  std::vector<::onnx::AttributeProto> defaults;  ///< of the attributes that a call may leave out
};

/// By key_of() of the nodes that call them.
using Functions = std::map<std::string, Function, std::less<>>;

/// Domain, name and overload of the function that a node would call.
[[nodiscard]] std::string key_of(const ::onnx::NodeProto& node);
/// "" for ai.onnx, by either of its names.
[[nodiscard]] std::string domain_of(std::string_view domain);
/// The function that a node calls; nullptr: it is an operator. In ai.onnx, mho's own lowerings come first.
[[nodiscard]] const Function* function_of(const Functions& functions, const ::onnx::NodeProto& node,
                                          std::int64_t opset);
/// The version of the node's domain; 0 if it is not imported.
[[nodiscard]] std::int64_t opset_of(const Opsets& opsets, const ::onnx::NodeProto& node);
/// Throws Error: kInvalidModel, or kUnsupported where a version is newer than any known.
[[nodiscard]] Opsets read_opsets(const google::protobuf::RepeatedPtrField<::onnx::OperatorSetIdProto>& imports,
                                 const std::string& what);
/// All functions of a model. Throws Error as BodyReader.
[[nodiscard]] Functions read_functions(const ::onnx::ModelProto& model, BodyReader& bodies, const std::string& what);

}  // namespace mho::onnx
