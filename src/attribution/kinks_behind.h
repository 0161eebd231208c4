// How many kinks lie between layers and the target.
#pragma once

#include <cstdint>
#include <vector>

#include "attribution/setup.h"

namespace mho::attribution {

/// Per layer: elements behind it, of tensors that the target depends on, that a node with kinks makes.
[[nodiscard]] std::vector<std::int64_t> kinks_behind(const Setup& setup);

}  // namespace mho::attribution
