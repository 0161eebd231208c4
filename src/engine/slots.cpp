// The part of a batched tensor that belongs to one example, and copies to and from the host.
#include "engine/slots.h"

namespace mho::engine {

using kernels::Tensor;

Tensor slot_of(const Tensor& t, std::int64_t slot, std::int64_t batch) {
  Tensor result = t;
  if (batch == 1) return result;
  result.type.shape[0] /= batch;
  result.data += result.type.bytes() * static_cast<std::size_t>(slot);
  return result;
}

Tensor view_of(Array& array) { return {{array.dtype(), array.shape()}, array.bytes().data(), false}; }

Array to_host(kernels::Device& device, const Tensor& t) {
  Array array(t.type.is_real() ? DType::f64 : t.dtype(), t.shape());
  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  device.copy(workspace, t, view_of(array));
  return array;
}

double element_of(kernels::Device& device, const Tensor& t, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  if (t.type.layout != kernels::Layout::plain) return to_host(device, t).as<double>()[i];
  return t.dtype() == DType::f64 ? t.as<double>()[i] : static_cast<double>(t.as<float>()[i]);
}

void from_host(kernels::Device& device, const Array& array, const Tensor& t) {
  Array copy = array.to(t.dtype());
  std::byte* const elements = copy.bytes().data();
  Tensor view{{t.dtype(), t.shape()}, elements, false};
  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  device.copy(workspace, view, t);
}

}  // namespace mho::engine
