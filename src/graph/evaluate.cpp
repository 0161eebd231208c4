// Evaluating one primitive on constants.
#include "graph/evaluate.h"

#include <mho/error.h>

#include <algorithm>
#include <bit>

namespace mho::graph {

namespace {

bool exact_as_float(std::span<const double> values) {
  return std::ranges::all_of(values, [](double v) {
    return std::bit_cast<std::uint64_t>(static_cast<double>(static_cast<float>(v))) == std::bit_cast<std::uint64_t>(v);
  });
}

Array to_array(const Constant& constant) {
  Array array(constant.type.dtype, constant.type.shape);
  std::copy_n(constant.data.get(), array.bytes().size(), array.bytes().data());
  return array;
}

TensorType in_real(TensorType type, DType real) {
  if (type.is_real()) type.dtype = real;
  return type;
}

}  // namespace

Constant with_real_type(const Constant& constant, DType real) {
  if (!constant.type.is_real() || constant.type.dtype == real) return constant;
  return Constant::from(to_array(constant).to(real));
}

std::vector<Constant> evaluate_constants(kernels::Device& device, const primitives::Primitive& primitive,
                                         std::span<const Constant> inputs) {
  std::vector<Constant> converted;
  std::vector<Tensor> input_views;
  std::vector<TensorType> graph_types;
  for (const Constant& input : inputs) {
    converted.push_back(with_real_type(input, device.real()));
    graph_types.push_back(in_real(input.type, kReal));
  }
  for (const Constant& input : converted) input_views.push_back(input.view());

  std::vector<Array> outputs;
  std::vector<Array> saved;
  std::vector<Tensor> output_views;
  std::vector<Tensor> saved_views;
  const auto make_views = [&](const std::vector<TensorType>& types, std::vector<Array>& arrays,
                              std::vector<Tensor>& views) {
    for (const TensorType& type : types) {
      const TensorType real = in_real(type, device.real());
      arrays.emplace_back(real.dtype, real.shape);
    }
    for (std::size_t i = 0; i < types.size(); ++i) {
      views.push_back({in_real(types[i], device.real()), arrays[i].bytes().data(), false});
    }
  };
  const std::vector<TensorType> output_types = primitive.infer(graph_types);
  make_views(output_types, outputs, output_views);
  make_views(primitive.saved(graph_types, output_types), saved, saved_views);

  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  primitives::Exec exec{device, workspace};
  // Without elements there is nothing to compute, however long the other axes are.
  const bool any = std::ranges::any_of(output_types, [](const TensorType& type) { return type.elements() > 0; });
  if (any) primitive.forward(exec, input_views, output_views, saved_views);

  std::vector<Constant> results;
  for (Array& output : outputs) {
    if (output.dtype() == DType::f64 && exact_as_float(output.as<double>())) output = output.to(DType::f32);
    results.push_back(Constant::from(std::move(output)));
  }
  return results;
}

}  // namespace mho::graph
