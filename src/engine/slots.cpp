// The part of a batched tensor that belongs to one example, and copies to and from the host.
#include "engine/slots.h"

#include <algorithm>
#include <cstring>

namespace mho::engine {

using kernels::Layout;
using kernels::Tensor;

Tensor slot_of(const Tensor& t, std::int64_t slot, std::int64_t batch) { return slots_of(t, slot, 1, batch); }

Tensor slots_of(const Tensor& t, std::int64_t first, std::int64_t count, std::int64_t batch) {
  Tensor result = t;
  if (batch == 1) return result;
  result.type.shape[0] /= batch;
  result.data += result.type.bytes() * static_cast<std::size_t>(first);
  result.type.shape[0] *= count;
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

void to_host(kernels::Device& device, const Tensor& t, std::span<double> to) {
  if (t.dtype() == DType::f64 && t.type.layout == Layout::plain) {
    std::ranges::copy(t.as<double>(), to.begin());
    return;
  }
  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  device.copy(workspace, t, {{DType::f64, t.shape()}, reinterpret_cast<std::byte*>(to.data()), false});
}

double element_of(kernels::Device& device, const Tensor& t, std::int64_t index) {
  const auto i = static_cast<std::size_t>(index);
  if (t.type.layout != Layout::plain) return to_host(device, t).as<double>()[i];
  return t.dtype() == DType::f64 ? t.as<double>()[i] : static_cast<double>(t.as<float>()[i]);
}

void from_host(kernels::Device& device, const Array& array, const Tensor& t) {
  if (array.dtype() == t.dtype() && t.type.layout == Layout::plain) {
    if (array.size() > 0) std::memcpy(t.data, array.bytes().data(), array.bytes().size());
    return;
  }
  Array copy = array.to(t.dtype());
  std::byte* const elements = copy.bytes().data();
  Tensor view{{t.dtype(), t.shape()}, elements, false};
  kernels::Scratch scratch;
  kernels::Workspace workspace(scratch);
  device.copy(workspace, view, t);
}

void write_terms(kernels::Device& device, std::span<const std::pair<std::int64_t, double>> terms, const Tensor& t) {
  const auto write = [&](auto elements) {
    using Real = typename decltype(elements)::value_type;
    std::ranges::fill(elements, Real{0});
    for (const auto& [index, term] : terms) elements[static_cast<std::size_t>(index)] += static_cast<Real>(term);
  };
  if (t.type.layout == Layout::plain && t.dtype() == DType::f32) return write(t.as<float>());
  if (t.type.layout == Layout::plain && t.dtype() == DType::f64) return write(t.as<double>());
  Array array(DType::f64, t.shape());
  for (const auto& [index, term] : terms) array.as<double>()[static_cast<std::size_t>(index)] += term;
  from_host(device, array, t);
}

}  // namespace mho::engine
