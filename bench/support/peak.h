// The float32 rate that this machine can reach at all: fused multiply-adds in registers, on all threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mho::bench {

namespace detail {

constexpr std::int64_t kRounds = 4'000'000;
constexpr int kChains = 12;  ///< independent sums: latency times units of every x86 core of the last decade fit in

template <class Vector>
inline __attribute__((always_inline)) float multiply_add_chains() {
  Vector sums[kChains];
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) sums[c] = Vector{} + static_cast<float>(c);
  const Vector factor = Vector{} + 0.999F;
  const Vector term = Vector{} + 0.001F;
  for (std::int64_t i = 0; i < kRounds; ++i) {
#pragma GCC unroll 12
    for (int c = 0; c < kChains; ++c) {
      sums[c] = sums[c] * factor + term;
      // In a register, and used: rounds are neither folded nor spilled.
      asm volatile("" : "+x"(sums[c]));
    }
  }
  float total = 0;
#pragma GCC unroll 12
  for (int c = 0; c < kChains; ++c) total += sums[c][0];
  return total;
}

using Vector4 = float __attribute__((vector_size(16)));
using Vector8 = float __attribute__((vector_size(32)));
using Vector16 = float __attribute__((vector_size(64)));

#if defined(__x86_64__)
__attribute__((target("avx512f,fma"), noinline)) inline float run_avx512() { return multiply_add_chains<Vector16>(); }
__attribute__((target("avx2,fma"), noinline)) inline float run_avx2() { return multiply_add_chains<Vector8>(); }
#endif
inline float run_plain() { return multiply_add_chains<Vector4>(); }

}  // namespace detail

struct Peak {
  double gflops = 0;
  const char* instructions = "";
};

/// Best of five runs.
inline Peak measure_peak(int threads) {
  float (*run)() = detail::run_plain;
  double lanes = 4;
  Peak peak{0, "baseline"};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    run = detail::run_avx512;
    lanes = 16;
    peak.instructions = "AVX-512";
  } else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    run = detail::run_avx2;
    lanes = 8;
    peak.instructions = "AVX2";
  }
#endif
  volatile float sink = 0;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
    {
      const float value = run();
#pragma omp critical
      sink = sink + value;
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double operations = 2.0 * lanes * detail::kChains * static_cast<double>(detail::kRounds) * threads;
    peak.gflops = std::max(peak.gflops, operations / seconds * 1e-9);
  }
  return peak;
}

}  // namespace mho::bench
