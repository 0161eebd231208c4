// One run of a primitive on a device: values go in and come out as doubles, memory is poisoned and guarded.
#pragma once

#include <deque>
#include <vector>

#include "primitives/primitive.h"

namespace mho::primitives::testing {

using Values = std::vector<double>;

/// Logical elements in row-major order, whatever the type and layout.
[[nodiscard]] Values read(kernels::Device& device, const Tensor& tensor);

/// Layouts of the inputs and of all outputs.
struct Layouts {
  std::vector<kernels::Layout> inputs;
  kernels::Layout outputs = kernels::Layout::plain;
};

class Evaluation {
 public:
  /// Runs forward().
  Evaluation(kernels::Device& device, const Primitive& primitive, const std::vector<TensorType>& types,
             const std::vector<Values>& inputs, const Layouts& layouts);

  [[nodiscard]] std::size_t output_count() const { return outputs_.size(); }
  [[nodiscard]] const TensorType& output_type(std::size_t i) const { return outputs_[i].type; }
  [[nodiscard]] Values output(std::size_t i) { return read(device_, outputs_[i]); }

  /// What stands in for a tensor that vjp() should not need.
  enum class Absent { poisoned, empty };
  /// Runs vjp() for the gradients `wanted`; of inputs and outputs only those in `given` are there.
  [[nodiscard]] std::vector<Values> gradients(const std::vector<Values>& cotangents, Positions wanted,
                                              const BackwardReads& given, Absent absent);
  /// Runs multipliers() between this run and `reference`, where the inputs `active` differ.
  [[nodiscard]] std::vector<Values> multipliers(Evaluation& reference, const std::vector<Values>& output_multipliers,
                                                Positions active, Positions wanted, const BackwardReads& given,
                                                Absent absent);
  /// True unless something was written behind the end of a tensor.
  [[nodiscard]] bool guards_intact() const;

 private:
  Tensor allocate(TensorType type);
  Tensor filled(const TensorType& type, const Values& values);
  /// `tensors` with stand-ins for those that are not `there`.
  std::vector<Tensor> visible(const std::vector<Tensor>& tensors, Positions there, Absent absent);
  /// Real tensors of the outputs' shapes and layouts.
  std::vector<Tensor> of_outputs(const std::vector<Values>& values);
  /// The type on this device: real tensors of a graph are f32.
  [[nodiscard]] TensorType on_device(TensorType type) const;

  kernels::Device& device_;
  const Primitive& primitive_;
  kernels::Scratch scratch_;
  std::deque<std::vector<std::byte>> memory_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<Tensor> saved_;
};

}  // namespace mho::primitives::testing
