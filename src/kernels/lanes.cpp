// Lanes: work on several threads at once, each with a device of its own, instead of several threads in every verb.
#include <exception>

#include "kernels/device.h"

namespace mho::kernels {

void run_lanes(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (count == 1) return body(0);
  std::exception_ptr first;
  std::size_t first_lane = count;
  const auto lanes = static_cast<int>(count);
  // A loop, for there may be fewer threads than asked for. The threads are those that the verbs use, too.
#pragma omp parallel for num_threads(lanes) schedule(static, 1)
  for (int lane = 0; lane < lanes; ++lane) {
    try {
      body(static_cast<std::size_t>(lane));
    } catch (...) {
#pragma omp critical(mho_run_lanes)
      if (static_cast<std::size_t>(lane) < first_lane) {
        first_lane = static_cast<std::size_t>(lane);
        first = std::current_exception();
      }
    }
  }
  if (first) std::rethrow_exception(first);
}

}  // namespace mho::kernels
