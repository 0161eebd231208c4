// How messages name the limits of <mho/limits.h>: one form for all.
#pragma once

#include <mho/error.h>

#include <cstdint>
#include <string>

namespace mho::kernels {

struct LimitName {
  const char* flag;   ///< of the program
  const char* field;  ///< of Limits, and in Python
};

inline constexpr LimitName kTensorLimit{"--max-tensor", "tensor_elements"};
inline constexpr LimitName kNodeLimit{"--max-nodes", "nodes"};
inline constexpr LimitName kUnrolledLimit{"--max-unrolled", "unrolled_nodes"};
inline constexpr LimitName kPrimitiveLimit{"--max-primitives", "primitives"};
inline constexpr LimitName kNestingLimit{"--max-nesting", "nesting"};
inline constexpr LimitName kConstantLimit{"--max-constants", "constant_elements"};
inline constexpr LimitName kWorkLimit{"--max-work", "work"};
inline constexpr LimitName kMemoryLimit{"--max-memory", "memory"};

/// Error(kLimit) "WHAT, more than the limit of LIMIT; --max-… (limits: …) raises it". `what` has the value needed.
[[nodiscard]] Error over_limit(const std::string& what, std::int64_t limit, const LimitName& name);

}  // namespace mho::kernels
