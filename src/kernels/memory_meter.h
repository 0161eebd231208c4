// Counts the bytes that are held for one model, and refuses what would exceed its limit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

namespace mho::kernels {

/// Shared by everything that holds memory for a model; any thread may use it.
class MemoryMeter {
 public:
  /// `limit` in bytes; 0: what the machine, or the container, has.
  explicit MemoryMeter(std::int64_t limit);

  /// Throws Error(kLimit) naming `what` where the limit would be exceeded; nothing is counted then.
  void take(std::int64_t bytes, std::string_view what);
  void give(std::int64_t bytes) noexcept { used_ -= bytes; }
  [[nodiscard]] std::int64_t used() const noexcept { return used_; }
  [[nodiscard]] std::int64_t left() const noexcept { return limit_ - used_; }

 private:
  std::int64_t limit_;
  std::atomic<std::int64_t> used_{0};
};

/// Bytes on a meter, given back at the end. Without a meter it counts nothing.
class MemoryShare {
 public:
  MemoryShare() = default;
  explicit MemoryShare(std::shared_ptr<MemoryMeter> meter) : meter_(std::move(meter)) {}
  MemoryShare(MemoryShare&& other) noexcept : meter_(std::move(other.meter_)), bytes_(other.bytes_) {
    other.bytes_ = 0;
  }
  MemoryShare& operator=(MemoryShare&& other) noexcept;
  ~MemoryShare();

  /// More of it. Throws as MemoryMeter::take.
  void take(std::int64_t bytes, std::string_view what);

 private:
  std::shared_ptr<MemoryMeter> meter_;
  std::int64_t bytes_ = 0;
};

}  // namespace mho::kernels
