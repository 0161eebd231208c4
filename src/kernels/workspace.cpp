// Temporary memory that grows once.
#include "kernels/workspace.h"

#include <algorithm>
#include <new>

namespace mho::kernels {

namespace {
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMinimumBlock = std::size_t{1} << 16;

std::size_t round_up(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
}  // namespace

std::byte* Scratch::take(std::size_t bytes) {
  const std::size_t needed = round_up(std::max<std::size_t>(bytes, 1));
  while (block_ < blocks_.size() && used_ + needed > blocks_[block_].size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    Block block;
    block.size = std::max(needed, kMinimumBlock);
    counted_.take(static_cast<std::int64_t>(block.size), "a run's temporary tensors");
    block.memory = std::make_unique_for_overwrite<std::byte[]>(block.size + kAlignment);
    const auto address = reinterpret_cast<std::uintptr_t>(block.memory.get());
    block.aligned = block.memory.get() + (round_up(address) - address);
    blocks_.push_back(std::move(block));
    used_ = 0;
  }
  std::byte* result = blocks_[block_].aligned + used_;
  used_ += needed;
  return result;
}

void Scratch::reset() noexcept {
  block_ = 0;
  used_ = 0;
}

std::size_t Scratch::capacity() const noexcept {
  std::size_t total = 0;
  for (const Block& block : blocks_) total += block.size;
  return total;
}

}  // namespace mho::kernels
