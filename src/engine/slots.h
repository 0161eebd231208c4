// The part of a batched tensor that belongs to one example, and copies to and from the host.
#pragma once

#include <mho/array.h>

#include <span>
#include <utility>

#include "kernels/device.h"

namespace mho::engine {

/// Chunk `slot` of `batch` equal chunks along the leading axis.
[[nodiscard]] kernels::Tensor slot_of(const kernels::Tensor& t, std::int64_t slot, std::int64_t batch);
/// Chunks [first, first + count), as one tensor.
[[nodiscard]] kernels::Tensor slots_of(const kernels::Tensor& t, std::int64_t first, std::int64_t count,
                                       std::int64_t batch);

/// A view of an array's memory.
[[nodiscard]] kernels::Tensor view_of(Array& array);

/// Plain float64 (or the tensor's integer type) copy on the host.
[[nodiscard]] Array to_host(kernels::Device& device, const kernels::Tensor& t);
/// The same of a real tensor, into memory for its elements.
void to_host(kernels::Device& device, const kernels::Tensor& t, std::span<double> to);

/// Element `index` of a real tensor's flattened logical order.
[[nodiscard]] double element_of(kernels::Device& device, const kernels::Tensor& t, std::int64_t index);

/// Writes a host array into a device tensor of as many elements, converting type and layout.
void from_host(kernels::Device& device, const Array& array, const kernels::Tensor& t);

/// A real tensor becomes 0 but for these sums of (element, term).
void write_terms(kernels::Device& device, std::span<const std::pair<std::int64_t, double>> terms,
                 const kernels::Tensor& t);

}  // namespace mho::engine
