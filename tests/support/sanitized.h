// Whether this is a build with sanitizers, ten times as slow: long loops are shorter there, the plain build runs all.
#pragma once

namespace mho::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// Why a test is skipped there: shorter ones run the same code.
constexpr const char* kTooLong = "takes a minute under sanitizers; the plain build runs it";

}  // namespace mho::testing
