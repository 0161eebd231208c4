// Lanes: work on several threads at once, each with a device of its own, instead of several threads in every verb.
#pragma once

#include <cstddef>
#include <functional>

namespace mho::kernels {

/// Calls body(0), …, body(count - 1), each on a thread of its own, and returns when all have. The first exception is
/// thrown again.
void run_lanes(std::size_t count, const std::function<void(std::size_t)>& body);

}  // namespace mho::kernels
