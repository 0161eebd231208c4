// Work done in child processes, so that a crash or a hang ends one of them and is told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hostile/attempt.h"

namespace mho::testing {

struct Failed {
  std::uint64_t seed = 0;
  std::string why;
};

struct Tally {
  std::uint64_t done = 0;
  std::uint64_t outcomes[5] = {};  ///< by Outcome
  double slowest = 0;              ///< seconds of processor time that one seed took
  std::uint64_t slowest_seed = 0;
  std::int64_t peak_bytes = 0;  ///< the largest resident set of any worker
  std::vector<Failed> failures;
};

struct Bounds {
  double seconds = 10;        ///< of processor time, for one seed
  std::int64_t memory = 0;    ///< resident bytes that one seed may add to what a fresh worker has
  bool address_space = true;  ///< also bounded by RLIMIT_DATA, at four times that; not with sanitizers
};

/// Calls `attempt` for the seeds [first, first + count) in `workers` processes forked from this one. A seed fails if
/// its worker dies, takes too long or too much, or says Outcome::kWrong; the rest is done by another worker then.
[[nodiscard]] Tally run_seeds(std::uint64_t first, std::uint64_t count, int workers, const Bounds& bounds,
                              const std::function<Attempt(std::uint64_t)>& attempt);

}  // namespace mho::testing
