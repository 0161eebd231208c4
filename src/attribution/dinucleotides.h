// Shuffles of one-hot sequences that keep the number of every pair of neighbouring letters: references for genomics.
#pragma once

#include <mho/array.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace mho::attribution {

/// Where the letters of a one-hot array lie: axis `letters`, and the sequence along `positions`. All other axes are 1.
struct OneHotAxes {
  std::size_t letters = 0;
  std::size_t positions = 0;
};

/// Nothing unless every position has one element 1 and the others 0, or all 0 (an unknown letter), and some letter is
/// known. Where both axes fit, the letters come first (channels).
[[nodiscard]] std::optional<OneHotAxes> one_hot_axes(const Array& example);

/// The sequence in another order, drawn uniformly from those that begin and end with the same letters and have the same
/// number of each pair of neighbours (Altschul and Erickson 1985, Mol. Biol. Evol. 2(6), 526-538). Letters are small
/// non-negative numbers.
[[nodiscard]] std::vector<int> shuffle_dinucleotides(const std::vector<int>& sequence, std::uint64_t seed);

/// Shuffle number `index` of a one-hot array. Depends on the letters, `seed` and `index` alone.
[[nodiscard]] Array shuffled_one_hot(const Array& example, const OneHotAxes& axes, std::uint64_t seed,
                                     std::int64_t index);

}  // namespace mho::attribution
