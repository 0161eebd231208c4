// A primitive with two outputs, which no operator has yet but the floors above the primitives allow.
#pragma once

#include "primitives/primitive.h"

namespace mho::testing {

/// The first and the second half of a vector of even length.
class Halves final : public primitives::Primitive {
 public:
  [[nodiscard]] std::string_view name() const override { return "halves"; }
  [[nodiscard]] std::vector<kernels::TensorType> infer(std::span<const kernels::TensorType> inputs) const override {
    return std::vector<kernels::TensorType>(2, {inputs[0].dtype, {inputs[0].shape[0] / 2}});
  }
  void forward(primitives::Exec& exec, std::span<const kernels::Tensor> in, std::span<const kernels::Tensor> out,
               std::span<const kernels::Tensor>) const override {
    for (const std::int64_t i : {0, 1}) {
      const kernels::Tensor& half = out[static_cast<std::size_t>(i)];
      exec.device.copy_region(exec.workspace, in[0], {{i * half.dim(0)}, {1}}, half, {{0}, {1}}, half.shape(), false);
    }
  }
  void vjp(primitives::Exec& exec, const primitives::VjpArgs& args) const override {
    for (const std::int64_t i : {0, 1}) {
      const kernels::Tensor& half = args.output_gradients[static_cast<std::size_t>(i)];
      exec.device.copy_region(exec.workspace, half, {{0}, {1}}, args.input_gradients[0], {{i * half.dim(0)}, {1}},
                              half.shape(), false);
    }
  }
  [[nodiscard]] primitives::BackwardReads backward_reads(primitives::Positions) const override { return {}; }
  [[nodiscard]] bool affine(primitives::Positions) const override { return true; }
};

}  // namespace mho::testing
