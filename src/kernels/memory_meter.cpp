// Counts the bytes that are held for one model, and refuses what would exceed its limit.
#include "kernels/memory_meter.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <utility>

#include "kernels/limit_names.h"

namespace mho::kernels {

namespace {

/// Physical memory, or less where a control group grants less.
std::int64_t memory_of_machine() {
  const std::int64_t pages = ::sysconf(_SC_PHYS_PAGES);
  const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  std::int64_t bytes = pages > 0 && page > 0 ? pages * page : std::numeric_limits<std::int64_t>::max();
  std::int64_t granted = 0;
  std::ifstream group("/sys/fs/cgroup/memory.max");  // "max" where there is no bound
  if (group >> granted && granted > 0) bytes = std::min(bytes, granted);
  return bytes;
}

}  // namespace

Error over_limit(const std::string& what, std::int64_t limit, const LimitName& name) {
  return {Code::kLimit,
          fmt::format("{}, more than the limit of {}; {} (limits: {}) raises it", what, limit, name.flag, name.field)};
}

MemoryMeter::MemoryMeter(std::int64_t limit) : limit_(limit > 0 ? limit : memory_of_machine()) {}

void MemoryMeter::take(std::int64_t bytes, std::string_view what) {
  std::int64_t used = used_;
  do {
    if (bytes <= limit_ - used) continue;
    throw over_limit(fmt::format("{}: {} bytes of memory are needed beside the {} in use", what, bytes, used), limit_,
                     kMemoryLimit);
  } while (!used_.compare_exchange_weak(used, used + bytes));
}

MemoryShare& MemoryShare::operator=(MemoryShare&& other) noexcept {
  std::swap(meter_, other.meter_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

MemoryShare::~MemoryShare() {
  if (meter_) meter_->give(bytes_);
}

void MemoryShare::take(std::int64_t bytes, std::string_view what) {
  if (!meter_) return;
  meter_->take(bytes, what);
  bytes_ += bytes;
}

}  // namespace mho::kernels
