// Threads: one OpenMP pool, entered only for work that pays for it.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace mho::kernels::cpu {

/// While it lives, OpenMP regions that this thread opens (oneDNN's too) use `threads` threads.
class ScopedThreads {
 public:
  explicit ScopedThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ScopedThreads() { omp_set_num_threads(before_); }
  ScopedThreads(const ScopedThreads&) = delete;
  ScopedThreads& operator=(const ScopedThreads&) = delete;

 private:
  int before_;
};

/// Elements of cheap arithmetic below which waking a thread costs more than it saves.
inline constexpr std::int64_t kParallelElements = 1 << 15;

/// Multiply-adds of a contraction below which one thread is as fast, and undisturbed by what else the machine does.
inline constexpr std::int64_t kParallelMultiplyAdds = 1 << 20;

/// Threads for a contraction with `outputs` elements of `length` multiply-adds each: all or one.
inline int threads_for(int threads, std::int64_t outputs, std::int64_t length) {
  return outputs * std::max<std::int64_t>(length, 1) < kParallelMultiplyAdds ? 1 : threads;
}

/// Calls body(begin, end) on disjoint ranges that cover [0, count), in parallel where `count * cost` (cost: elements
/// of cheap arithmetic per item) pays for it. Ranges start at multiples of `align`. All threads or one: libgomp ends
/// the threads that a smaller team leaves over, and starts them again for the next one.
template <class Body>
void parallel_for(int threads, std::int64_t count, std::int64_t cost, std::int64_t align, const Body& body) {
  if (count <= 0) return;
  const std::int64_t work = count * std::max<std::int64_t>(cost, 1);
  if (threads == 1 || work < 2 * kParallelElements) {
    body(std::int64_t{0}, count);
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t parts = omp_get_num_threads();
    const std::int64_t chunks = (count + align - 1) / align;
    const auto cut = [&](std::int64_t part) { return std::min(count, chunks * part / parts * align); };
    const std::int64_t part = omp_get_thread_num();
    if (cut(part) < cut(part + 1)) body(cut(part), cut(part + 1));
  }
}

/// Which of `threads` threads this is, inside parallel_for(threads, …). A device of one thread may itself run on any
/// thread of a larger team (run_lanes).
inline int thread_index(int threads) { return threads == 1 ? 0 : omp_get_thread_num(); }

}  // namespace mho::kernels::cpu
