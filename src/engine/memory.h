// Memory aligned for vector loads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "kernels/memory_meter.h"
#include "kernels/poll.h"

namespace mho::engine {

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using Memory = std::unique_ptr<std::byte[], AlignedDelete>;

/// Asks `poll`, if there is one, every 16 MiB: pages that are touched first take their time.
[[nodiscard]] inline Memory zeros(std::size_t bytes, kernels::Poll* poll = nullptr) {
  constexpr std::size_t kPiece = std::size_t{16} << 20;
  Memory memory(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
  for (std::size_t first = 0; first < bytes; first += kPiece) {
    if (poll != nullptr) (*poll)();
    std::fill_n(memory.get() + first, std::min(kPiece, bytes - first), std::byte{0});
  }
  return memory;
}

/// The same, counted; throws Error(kLimit) before it is taken.
[[nodiscard]] inline Memory zeros(std::size_t bytes, kernels::MemoryShare& counted, kernels::Poll* poll) {
  counted.take(static_cast<std::int64_t>(bytes), "the tensors of a run");
  return zeros(bytes, poll);
}

}  // namespace mho::engine
