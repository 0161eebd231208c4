// The 16 channels of one point of a blocked tensor as one value, which compilers keep in registers. Only inside
// functions: no interface passes them, for how they are passed depends on the instruction set.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/tensor.h"

namespace mho::kernels::cpu {

using Floats [[gnu::vector_size(4 * kChannelBlock)]] = float;
using Ints [[gnu::vector_size(4 * kChannelBlock)]] = std::int32_t;

template <class T>
[[gnu::always_inline]] inline void load(const void* from, T& value) {
  std::memcpy(&value, from, sizeof value);
}
template <class T>
[[gnu::always_inline]] inline void store(void* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace mho::kernels::cpu
