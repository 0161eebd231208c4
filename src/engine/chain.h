// What a chain carries from one run to the next: the last slot of every tensor that multipliers read.
#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace mho::engine {

/// A tensor of a chain: its last slot lies in the pad before it in the next run, where it is the first slot's
/// reference.
struct Carried {
  std::byte* pad;
  std::byte* last;
  std::size_t bytes;
  std::byte* carry;  ///< keeps the slot meanwhile: gradients overwrite the tensor
};

/// After the tensors were written.
inline void carry_over(const std::vector<Carried>& all) {
  for (const Carried& c : all) {
    std::memcpy(c.pad, c.carry, c.bytes);
    std::memcpy(c.carry, c.last, c.bytes);
  }
}

}  // namespace mho::engine
