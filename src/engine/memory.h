// Memory aligned for vector loads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#include "kernels/memory_meter.h"

namespace mho::engine {

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using Memory = std::unique_ptr<std::byte[], AlignedDelete>;

[[nodiscard]] inline Memory zeros(std::size_t bytes) {
  Memory memory(static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
  std::fill_n(memory.get(), bytes, std::byte{0});
  return memory;
}

/// The same, counted; throws Error(kLimit) before it is taken.
[[nodiscard]] inline Memory zeros(std::size_t bytes, kernels::MemoryShare& counted) {
  counted.take(static_cast<std::int64_t>(bytes), "the tensors of a run");
  return zeros(bytes);
}

}  // namespace mho::engine
