// Whether this is a build with sanitizers: ten times as slow, so long loops are shorter there. The plain build runs all.
#pragma once

namespace mho::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace mho::testing
