// One run of a primitive on a device: values go in and come out as doubles, memory is poisoned and guarded.
#include "evaluation.h"

#include <algorithm>

namespace mho::primitives::testing {

namespace {

using kernels::Layout;

constexpr std::size_t kGuard = 64;
constexpr std::byte kGuardByte{0xA5};
constexpr std::byte kPoison{0xFF};  // NaN in f32 and f64, -1 in integers

template <class Visit>
void visit(DType dtype, Visit&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::i64:
      return f(std::int64_t{});
    case DType::i32:
      return f(std::int32_t{});
    case DType::b8:
      return f(bool{});
  }
}

void write(const Tensor& tensor, const Values& values) {
  visit(tensor.dtype(), [&]<class T>(T) {
    const auto elements = tensor.as<T>();
    for (std::size_t i = 0; i < values.size(); ++i) elements[i] = static_cast<T>(values[i]);
  });
}

}  // namespace

Values read(kernels::Device& device, const Tensor& tensor) {
  if (tensor.type.layout != Layout::plain) {
    std::vector<std::byte> memory(tensor.type.bytes() + 1);
    const Tensor plain{{tensor.dtype(), tensor.shape()}, memory.data()};
    kernels::Scratch scratch;
    kernels::Workspace workspace(scratch);
    device.copy(workspace, tensor, plain);
    return read(device, plain);
  }
  Values values;
  visit(tensor.dtype(), [&]<class T>(T) {
    if constexpr (std::is_same_v<T, bool>) {
      // Poisoned booleans are no booleans: read the byte.
      for (std::int64_t i = 0; i < tensor.type.elements(); ++i) values.push_back(static_cast<double>(tensor.data[i]));
    } else {
      for (const T x : tensor.as<T>()) values.push_back(static_cast<double>(x));
    }
  });
  return values;
}

TensorType Evaluation::on_device(TensorType type) const {
  if (type.dtype == kReal) type.dtype = device_.real();
  return type;
}

Tensor Evaluation::allocate(TensorType type) {
  const std::size_t bytes = type.bytes();
  std::vector<std::byte>& memory = memory_.emplace_back(bytes + kGuard, kPoison);
  std::fill(memory.begin() + static_cast<std::ptrdiff_t>(bytes), memory.end(), kGuardByte);
  return {std::move(type), memory.data()};
}

Tensor Evaluation::filled(const TensorType& type, const Values& values) {
  const Tensor plain = allocate({type.dtype, type.shape});
  write(plain, values);
  if (type.layout == Layout::plain) return plain;
  const Tensor tensor = allocate(type);
  kernels::Workspace workspace(scratch_);
  device_.copy(workspace, plain, tensor);
  return tensor;
}

bool Evaluation::guards_intact() const {
  return std::ranges::all_of(memory_, [](const std::vector<std::byte>& memory) {
    return std::all_of(memory.end() - kGuard, memory.end(), [](std::byte b) { return b == kGuardByte; });
  });
}

Evaluation::Evaluation(kernels::Device& device, const Primitive& primitive, const std::vector<TensorType>& types,
                       const std::vector<Values>& inputs, const Layouts& layouts)
    : device_(device), primitive_(primitive) {
  std::vector<TensorType> input_types = types;
  std::vector<TensorType> output_types = primitive.infer(types);
  for (std::size_t i = 0; i < types.size(); ++i) {
    input_types[i].layout = layouts.inputs[i];
    inputs_.push_back(filled(on_device(input_types[i]), inputs[i]));
  }
  for (TensorType& type : output_types) {
    type.layout = layouts.outputs;
    outputs_.push_back(allocate(on_device(type)));
  }
  for (const TensorType& type : primitive.saved(input_types, output_types)) saved_.push_back(allocate(on_device(type)));
  kernels::Workspace workspace(scratch_);
  Exec exec{device_, workspace};
  primitive_.forward(exec, inputs_, outputs_, saved_);
}

std::vector<Tensor> Evaluation::visible(const std::vector<Tensor>& tensors, Positions there, Absent absent) {
  std::vector<Tensor> result = tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (there.has(i)) continue;
    if (absent == Absent::empty) {
      result[i] = {tensors[i].type, nullptr};
    } else if (tensors[i].type.is_real()) {
      result[i] = allocate(tensors[i].type);
    } else {
      // Other integers than before, but valid ones: all zero, or all one where they were zero already.
      Values other(static_cast<std::size_t>(tensors[i].type.elements()), 0);
      if (read(device_, tensors[i]) == other) std::ranges::fill(other, 1);
      result[i] = filled(tensors[i].type, other);
    }
  }
  return result;
}

std::vector<Tensor> Evaluation::of_outputs(const std::vector<Values>& values) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    TensorType type = outputs_[i].type;
    if (!type.is_real()) type.dtype = device_.real();
    tensors.push_back(filled(type, values[i]));
  }
  return tensors;
}

std::vector<Values> Evaluation::gradients(const std::vector<Values>& cotangents, Positions wanted,
                                          const BackwardReads& given, Absent absent) {
  const std::vector<Tensor> inputs = visible(inputs_, given.inputs, absent);
  const std::vector<Tensor> outputs = visible(outputs_, given.outputs, absent);
  const std::vector<Tensor> output_gradients = of_outputs(cotangents);
  std::vector<Tensor> input_gradients;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    input_gradients.push_back(wanted.has(i) ? allocate(inputs_[i].type) : Tensor{inputs_[i].type, nullptr});
  }
  kernels::Workspace workspace(scratch_);
  workspace.begin();
  Exec exec{device_, workspace};
  primitive_.vjp(exec, {inputs, outputs, saved_, output_gradients, input_gradients});
  std::vector<Values> result(inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (wanted.has(i)) result[i] = read(device_, input_gradients[i]);
  }
  return result;
}

std::vector<Values> Evaluation::multipliers(Evaluation& reference, const std::vector<Values>& output_multipliers,
                                            Positions active, Positions wanted, const BackwardReads& given,
                                            Absent absent) {
  const std::vector<Tensor> inputs = visible(inputs_, given.inputs, absent);
  const std::vector<Tensor> outputs = visible(outputs_, given.outputs, absent);
  const std::vector<Tensor> reference_inputs = reference.visible(reference.inputs_, given.inputs, absent);
  const std::vector<Tensor> reference_outputs = reference.visible(reference.outputs_, given.outputs, absent);
  const std::vector<Tensor> from = of_outputs(output_multipliers);
  std::vector<Tensor> to;
  for (const Tensor& input : inputs_) {
    TensorType type = input.type;
    if (!type.is_real()) type.dtype = device_.real();
    to.push_back(wanted.has(to.size()) ? allocate(type) : Tensor{type, nullptr});
  }
  kernels::Workspace workspace(scratch_);
  workspace.begin();
  Exec exec{device_, workspace};
  primitive_.multipliers(
      exec, {inputs, outputs, saved_, reference_inputs, reference_outputs, reference.saved_, from, to, active});
  std::vector<Values> result(inputs_.size());
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (wanted.has(i)) result[i] = read(device_, to[i]);
  }
  return result;
}

}  // namespace mho::primitives::testing
