// Integer results that both devices compute alike: which elements are largest, which write wins.
#pragma once

#include "kernels/tensor.h"
#include "kernels/workspace.h"

namespace mho::kernels {

/// Device::top_k().
void find_top_k(Workspace& workspace, const Tensor& x, std::int64_t axis, bool largest, const Tensor& positions);
/// Device::last_writer().
void find_last_writer(const Tensor& indices, const Tensor& writer);

}  // namespace mho::kernels
