// The nodes of a graph, of a subgraph or of a function that its outputs depend on, in an order in which they can run.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernels/tensor.h"
#include "onnx/model.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

struct Body {
  std::vector<std::string> inputs;  ///< formal ones, initializers left out
  std::vector<std::string> outputs;
  std::map<std::string, kernels::Constant, std::less<>> initializers;
  std::map<std::string, int, std::less<>> initializer_types;  ///< TensorProto.DataType
  std::vector<const ::onnx::NodeProto*> nodes;
  std::set<std::string> captures;  ///< tensors of the enclosing bodies that it reads
};

/// Bodies of If, Loop and Scan by the attribute they are in.
using BodyOfGraph = std::unordered_map<const ::onnx::GraphProto*, Body>;

/// Makes bodies; those of subgraphs within are added to `subgraphs`. `what` names the model in messages.
class BodyReader {
 public:
  /// All three must outlive this.
  BodyReader(TensorReader& tensors, const Limits& limits, BodyOfGraph& subgraphs)
      : tensors_(tensors), limits_(limits), subgraphs_(subgraphs) {}

  /// A model's graph: everything it reads is its own. Throws Error: kInvalidModel (a tensor without or with several
  /// sources, a cycle), kUnsupported, kLimit.
  [[nodiscard]] Body read_graph(const ::onnx::GraphProto& graph, const std::string& what);
  /// A model-local function. The same errors.
  [[nodiscard]] Body read_function(const ::onnx::FunctionProto& function, const std::string& what);

 private:
  using Nodes = google::protobuf::RepeatedPtrField<::onnx::NodeProto>;

  [[nodiscard]] Body read(const ::onnx::GraphProto& graph, const std::string& what, bool nested);
  void order(Body& body, const Nodes& nodes, const std::string& what, bool nested);
  /// What a node reads: its inputs and what its subgraphs capture.
  [[nodiscard]] std::vector<std::string> reads(const ::onnx::NodeProto& node, const std::string& what);

  TensorReader& tensors_;
  const Limits& limits_;
  BodyOfGraph& subgraphs_;
  std::int64_t nodes_ = 0;
};

/// The node's name, or what identifies it where it has none: its first output.
[[nodiscard]] const std::string& name_of(const ::onnx::NodeProto& node);

}  // namespace mho::onnx
