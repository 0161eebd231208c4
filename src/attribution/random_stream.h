// Random numbers that depend on a few integers alone, the same on every machine.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

namespace mho::attribution {

class RandomStream {
 public:
  /// One stream per list of numbers, such as {seed, purpose, layer, example}.
  explicit RandomStream(std::initializer_list<std::uint64_t> names) {
    std::uint64_t state = 0;
    for (const std::uint64_t name : names) state = mix(state ^ mix(name));
    random_.seed(state);
  }

  /// Uniform over 0 … count - 1, without bias.
  [[nodiscard]] std::uint64_t below(std::uint64_t count) {
    const std::uint64_t limit = random_.max() - random_.max() % count;
    std::uint64_t value = random_();
    while (value >= limit) value = random_();
    return value % count;
  }
  /// Uniform in [0, 1).
  [[nodiscard]] double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

 private:
  /// splitmix64's: neighbouring names give streams that have nothing in common.
  static std::uint64_t mix(std::uint64_t z) {
    z += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  std::mt19937_64 random_;  // the standard fixes its numbers; those of distributions it does not
};

}  // namespace mho::attribution
