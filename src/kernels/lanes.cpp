// Lanes: work on several threads at once, each with a device of its own, instead of several threads in every verb.
#include <exception>
#include <vector>

#include "kernels/device.h"

namespace mho::kernels {

void run_lanes(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (count == 1) return body(0);
  std::vector<std::exception_ptr> errors(count);
  const auto lanes = static_cast<int>(count);
  // A loop, for there may be fewer threads than asked for. The threads are those that the verbs use, too.
#pragma omp parallel for num_threads(lanes) schedule(static, 1)
  for (int lane = 0; lane < lanes; ++lane) {
    try {
      body(static_cast<std::size_t>(lane));
    } catch (...) {
      errors[static_cast<std::size_t>(lane)] = std::current_exception();
    }
  }
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace mho::kernels
