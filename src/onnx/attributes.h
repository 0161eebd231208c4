// A NodeProto's attributes behind the interface that lowerings see.
#pragma once

#include <onnx/onnx_pb.h>

#include <optional>
#include <span>

#include "onnx/lowering.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

class NodeAttributes final : public Attributes {
 public:
  /// A node of a function's body may refer to attributes of the call. All that is given must outlive this.
  struct Call {
    const NodeAttributes* attributes;  ///< of the calling node
    std::span<const ::onnx::AttributeProto> defaults;
  };
  NodeAttributes(const ::onnx::NodeProto& node, TensorReader& tensors, std::optional<Call> call = std::nullopt)
      : node_(&node), tensors_(&tensors), call_(call) {}

  [[nodiscard]] bool has(std::string_view name) const override;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const override;
  [[nodiscard]] double real(std::string_view name, double otherwise) const override;
  [[nodiscard]] std::string string(std::string_view name, std::string otherwise) const override;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const override;
  [[nodiscard]] std::optional<std::vector<double>> reals(std::string_view name) const override;
  [[nodiscard]] std::optional<std::vector<std::string>> strings(std::string_view name) const override;
  [[nodiscard]] std::optional<kernels::Constant> tensor(std::string_view name) const override;
  /// nullptr if there is none.
  [[nodiscard]] const ::onnx::GraphProto* graph(std::string_view name) const;

  /// The attribute `name` with references resolved; nullptr if there is none.
  [[nodiscard]] const ::onnx::AttributeProto* find(std::string_view name) const;

 private:
  /// The same; it must be of `type`.
  [[nodiscard]] const ::onnx::AttributeProto* find(std::string_view name,
                                                   ::onnx::AttributeProto::AttributeType type) const;

  const ::onnx::NodeProto* node_;
  TensorReader* tensors_;
  std::optional<Call> call_;
};

}  // namespace mho::onnx
