// Inputs as a page shows them: pictures in 8 bits, one-hot DNA as letters.
#pragma once

#include <mho/array.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/layers.h"

namespace mho::report {

/// Small pixels, one after the other: examples x height x width x channels (1 or 3).
struct Picture {
  std::size_t height = 0;
  std::size_t width = 0;
  std::size_t channels = 1;
  std::vector<std::byte> pixels;  ///< from the smallest (0) to the largest (255) value of all examples
  double smallest = 0;
  double largest = 0;
};
/// [C, H, W] or [H, W, C] with one or three channels, [H, W]; none for other shapes, and for values that are not
/// finite.
[[nodiscard]] std::optional<Picture> picture(const Array& input, Examples examples);

/// Letters of sequences: examples x length of 0..3 for A, C, G, T and 4 for positions that are no letter.
struct Sequence {
  std::size_t length = 0;
  bool letters_first = true;  ///< [4, L] or [L, 4], axes of extent 1 aside
  std::vector<std::byte> letters;
};
/// None where the input is not one-hot over an axis of four.
[[nodiscard]] std::optional<Sequence> sequence(const Array& input, Examples examples);

}  // namespace mho::report
