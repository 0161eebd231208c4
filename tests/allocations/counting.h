// What is allocated while somebody counts: this program's operator new, and oneDNN's primitives.
#pragma once

#include <cstdint>

namespace mho::testing {

struct Counts {
  std::int64_t allocations = 0;  ///< by operator new, on all threads; oneDNN's own, while it runs, do not count
  std::int64_t primitives = 0;   ///< that oneDNN made
};

/// Counts from here on, one at a time.
class Counting {
 public:
  Counting();
  ~Counting();
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  [[nodiscard]] Counts so_far() const;
};

}  // namespace mho::testing
