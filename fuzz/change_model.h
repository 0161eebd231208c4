// A mutator for inputs that end in a model: half of the changes are to bytes, for the parser's sake; half keep the
// model well-formed, for the lowerings'.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mho::fuzz {

/// Changes `size` bytes, which may become up to `max_size`; returns how many there are then.
[[nodiscard]] std::size_t change_model(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed);

}  // namespace mho::fuzz
