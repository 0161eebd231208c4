// A NodeProto's attributes behind the interface that lowerings see.
#pragma once

#include <onnx/onnx_pb.h>

#include "onnx/lowering.h"
#include "onnx/tensor_data.h"

namespace mho::onnx {

class NodeAttributes final : public Attributes {
 public:
  /// Both must outlive this.
  NodeAttributes(const ::onnx::NodeProto& node, TensorReader& tensors) : node_(&node), tensors_(&tensors) {}

  [[nodiscard]] bool has(std::string_view name) const override;
  [[nodiscard]] std::int64_t integer(std::string_view name, std::int64_t otherwise) const override;
  [[nodiscard]] double real(std::string_view name, double otherwise) const override;
  [[nodiscard]] std::string string(std::string_view name, std::string otherwise) const override;
  [[nodiscard]] std::optional<std::vector<std::int64_t>> integers(std::string_view name) const override;
  [[nodiscard]] std::optional<std::vector<double>> reals(std::string_view name) const override;
  [[nodiscard]] std::optional<kernels::Constant> tensor(std::string_view name) const override;

 private:
  /// The attribute `name`, which must be of `type`; nullptr if there is none.
  [[nodiscard]] const ::onnx::AttributeProto* find(std::string_view name,
                                                   ::onnx::AttributeProto::AttributeType type) const;

  const ::onnx::NodeProto* node_;
  TensorReader* tensors_;
};

}  // namespace mho::onnx
