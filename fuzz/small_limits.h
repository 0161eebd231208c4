// Limits for models under a fuzzer: work and memory are to be bounded, so that a slow input is a finding.
#pragma once

#include <mho/limits.h>

namespace mho::fuzz {

/// Constants cost time and memory; tensors that are never computed may have any size.
[[nodiscard]] constexpr Limits small_limits() {
  return {.nodes = 200,
          .unrolled_nodes = 1000,
          .primitives = 20'000,
          .constant_elements = 1 << 18,
          .work = 100'000'000,
          .memory = 1 << 30};
}

}  // namespace mho::fuzz
