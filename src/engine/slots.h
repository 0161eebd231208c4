// The part of a batched tensor that belongs to one example, and copies to and from the host.
#pragma once

#include <mho/array.h>

#include "kernels/device.h"

namespace mho::engine {

/// Chunk `slot` of `batch` equal chunks along the leading axis.
[[nodiscard]] kernels::Tensor slot_of(const kernels::Tensor& t, std::int64_t slot, std::int64_t batch);

/// A view of an array's memory.
[[nodiscard]] kernels::Tensor view_of(Array& array);

/// Plain float64 (or the tensor's integer type) copy on the host.
[[nodiscard]] Array to_host(kernels::Device& device, const kernels::Tensor& t);

/// Element `index` of a real tensor's flattened logical order.
[[nodiscard]] double element_of(kernels::Device& device, const kernels::Tensor& t, std::int64_t index);

/// Writes a host array into a device tensor of as many elements, converting type and layout.
void from_host(kernels::Device& device, const Array& array, const kernels::Tensor& t);

}  // namespace mho::engine
