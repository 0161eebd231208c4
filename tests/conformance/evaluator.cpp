// Runs a graph node by node on a device, keeping every value: slow, and without anything that could hide an error.
#include "evaluator.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <optional>

#include "graph/evaluate.h"
#include "primitives/primitives.h"

namespace mho::conformance {

namespace {

using graph::ValueId;
using kernels::Layout;
using kernels::Tensor;
using kernels::TensorType;

class Evaluator {
 public:
  Evaluator(const graph::Graph& graph, kernels::Device& device)
      : graph_(graph), device_(device), arrays_(graph.value_count()) {}

  void set(ValueId id, Array array) { arrays_[static_cast<std::size_t>(id)] = std::move(array); }
  const Array& get(ValueId id) const { return *arrays_[static_cast<std::size_t>(id)]; }
  TensorType on_device(TensorType type) const {
    if (type.is_real()) type.dtype = device_.real();
    return type;
  }

  void run(const graph::Node& node) {
    std::vector<TensorType> input_types;
    std::vector<Tensor> inputs;
    for (const ValueId id : node.inputs) {
      input_types.push_back(graph_.value(id).type);
      Tensor tensor = view(id);
      // Node outputs are plain here; only constants never change.
      tensor.constant = graph_.is_constant(id);
      inputs.push_back(std::move(tensor));
    }
    std::vector<TensorType> output_types;
    std::vector<Tensor> outputs;
    for (const ValueId id : node.outputs) {
      output_types.push_back(graph_.value(id).type);
      const TensorType type = on_device(output_types.back());
      set(id, Array(type.dtype, type.shape));
      outputs.push_back(view(id));
    }
    std::vector<Array> saved_arrays;
    for (const TensorType& type : node.primitive->saved(input_types, output_types)) {
      saved_arrays.emplace_back(on_device(type).dtype, type.shape);
    }
    std::vector<Tensor> saved;
    for (Array& array : saved_arrays) {
      std::byte* const elements = array.bytes().data();
      saved.push_back({{array.dtype(), array.shape(), Layout::plain}, elements, false});
    }
    kernels::Scratch scratch;
    kernels::Workspace workspace(scratch);
    primitives::Exec exec{device_, workspace};
    if (const Layout layout = layout_for(*node.primitive, inputs); layout != Layout::plain) {
      run_blocked(exec, *node.primitive, layout, inputs, outputs, saved);
    } else {
      node.primitive->forward(exec, inputs, outputs, saved);
    }
  }

 private:
  Tensor view(ValueId id) {
    Array& array = *arrays_[static_cast<std::size_t>(id)];
    std::byte* const elements = array.bytes().data();
    return {{array.dtype(), array.shape(), Layout::plain}, elements, false};
  }

  Layout layout_for(const primitives::Primitive& primitive, const std::vector<Tensor>& inputs) const {
    const auto facts = primitives::as_convolution(primitive);
    if (!facts) return Layout::plain;
    return device_.convolution_layout(facts->attributes, inputs[0].shape(), inputs[1].shape());
  }

  /// As a Plan does it: input 0 and output 0 in the layout that the device wants for convolutions.
  void run_blocked(primitives::Exec& exec, const primitives::Primitive& primitive, Layout layout,
                   std::vector<Tensor> inputs, std::vector<Tensor> outputs, const std::vector<Tensor>& saved) {
    std::vector<std::vector<double>> memory;
    const auto blocked = [&](const Tensor& plain) {
      TensorType type = plain.type;
      type.layout = layout;
      memory.emplace_back(type.bytes() / sizeof(double) + 1);
      return Tensor{type, reinterpret_cast<std::byte*>(memory.back().data()), false};
    };
    const Tensor plain_output = outputs[0];
    const Tensor x = blocked(inputs[0]);
    outputs[0] = blocked(plain_output);
    kernels::Scratch scratch;
    kernels::Workspace before(scratch);
    device_.copy(before, inputs[0], x);
    inputs[0] = x;
    primitive.forward(exec, inputs, outputs, saved);
    kernels::Workspace after(scratch);
    device_.copy(after, outputs[0], plain_output);
  }

  const graph::Graph& graph_;
  kernels::Device& device_;
  std::vector<std::optional<Array>> arrays_;
};

Array to_array(const kernels::Constant& constant) {
  Array array(constant.type.dtype, constant.type.shape);
  std::copy_n(constant.data.get(), array.bytes().size(), array.bytes().data());
  return array;
}

}  // namespace

std::vector<Array> evaluate(const graph::Graph& graph, kernels::Device& device,
                            const std::map<std::string, Array, std::less<>>& feeds) {
  Evaluator evaluator(graph, device);
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const graph::Value& value = graph.value(id);
    if (value.constant) evaluator.set(id, to_array(graph::with_real_type(*value.constant, device.real())));
  }
  for (const ValueId id : graph.inputs()) {
    const graph::Value& value = graph.value(id);
    const auto feed = feeds.find(value.name);
    if (feed == feeds.end()) throw Error(Code::kInternal, fmt::format("no value for graph input '{}'", value.name));
    evaluator.set(id, feed->second.to(evaluator.on_device(value.type).dtype));
  }
  for (const graph::Node& node : graph.nodes()) evaluator.run(node);
  std::vector<Array> outputs;
  for (const ValueId id : graph.outputs()) outputs.push_back(evaluator.get(id));
  return outputs;
}

}  // namespace mho::conformance
