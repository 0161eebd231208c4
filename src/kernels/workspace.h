// What one call site keeps between runs: temporaries, and whatever the device prepared for it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "kernels/memory_meter.h"
#include "kernels/poll.h"
#include "kernels/tensor.h"

namespace mho::kernels {

/// Temporary memory shared by all call sites of a Plan. It grows during the first run and stays.
class Scratch {
 public:
  Scratch() = default;
  /// Counted on `meter`.
  explicit Scratch(std::shared_ptr<MemoryMeter> meter) : counted_(std::move(meter)) {}
  /// Memory of `bytes`, aligned to 64 bytes, valid until reset().
  std::byte* take(std::size_t bytes);
  void reset() noexcept;
  [[nodiscard]] std::size_t capacity() const noexcept;

 private:
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::byte* aligned = nullptr;
    std::size_t size = 0;
  };
  MemoryShare counted_;
  std::vector<Block> blocks_;
  std::size_t block_ = 0;
  std::size_t used_ = 0;
};

/// Belongs to one node and one direction of a Plan. Verbs are called in the same order with the same types on every
/// run, so the n-th verb that prepares something finds it again in the n-th slot.
class Workspace {
 public:
  explicit Workspace(Scratch& scratch) : scratch_(&scratch) {}
  Workspace(Workspace&&) = default;
  Workspace& operator=(Workspace&&) = default;

  /// Called by the Plan before each run of the node. Throws what the Poll throws.
  void begin(Poll* poll = nullptr) {
    next_slot_ = 0;
    scratch_->reset();
    poll_ = poll;
    ask();
  }
  /// Asks the Poll, if there is one: for verbs that may take longer than a caller likes to wait.
  void ask() const {
    if (poll_ != nullptr) (*poll_)();
  }
  /// A temporary tensor, valid until the node returns. Contents are undefined.
  Tensor temporary(const TensorType& type) { return {type, scratch_->take(type.bytes()), false}; }
  /// The same for so many numbers, all of them `value`.
  template <class T>
  std::span<T> numbers(std::size_t count, T value) {
    T* const first = reinterpret_cast<T*>(scratch_->take(count * sizeof(T)));
    std::uninitialized_fill_n(first, count, value);
    return {first, count};
  }
  /// The next slot as a T, made by `make()` on the first run.
  template <class T, class Make>
  T& slot(Make&& make) {
    if (next_slot_ == slots_.size()) slots_.emplace_back(std::shared_ptr<void>(std::make_shared<T>(make())));
    return *static_cast<T*>(slots_[next_slot_++].get());
  }

 private:
  Scratch* scratch_;
  std::deque<std::shared_ptr<void>> slots_;
  std::size_t next_slot_ = 0;
  Poll* poll_ = nullptr;
};

}  // namespace mho::kernels
