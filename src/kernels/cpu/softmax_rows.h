// Softmax of one row of floats: what softmax and attention share.
#pragma once

#include <cstdint>

namespace mho::kernels::cpu {

/// y = exp(x - max) / sum over n > 0 elements, summed in double. y may be x.
void softmax_row(const float* x, float* y, std::int64_t n);
/// gx = y (gy - sum(gy y)). gx may be gy.
void softmax_row_vjp(const float* y, const float* gy, float* gx, std::int64_t n);

}  // namespace mho::kernels::cpu
