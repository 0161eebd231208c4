// Recognises pictures and one-hot DNA among inputs.
#include "report/inputs.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mho::report {

namespace {

Shape shape_of_one(const Array& input) {
  return input.shape().empty() ? Shape{} : Shape(input.shape().begin() + 1, input.shape().end());
}

/// The letter at one position; none if the numbers there are neither one-hot nor all equal.
std::optional<std::byte> letter(const Array& values, std::int64_t start, std::int64_t step) {
  std::array<double, 4> numbers{};
  for (std::int64_t i = 0; i < 4; ++i) numbers[static_cast<std::size_t>(i)] = values.at(start + i * step);
  if (std::ranges::all_of(numbers, [&](double number) { return number == numbers[0]; })) return std::byte{4};
  if (std::ranges::count(numbers, 1.0) != 1 || std::ranges::count(numbers, 0.0) != 3) return std::nullopt;
  return static_cast<std::byte>(std::ranges::find(numbers, 1.0) - numbers.begin());
}

}  // namespace

std::optional<Picture> picture(const Array& input, Examples examples) {
  const Shape shape = shape_of_one(input);
  const auto is_colour = [](std::int64_t extent) { return extent == 1 || extent == 3; };
  const bool channels_first = shape.size() == 3 && is_colour(shape[0]);
  const bool channels_last = shape.size() == 3 && !channels_first && is_colour(shape[2]);
  if (!channels_first && !channels_last && shape.size() != 2) return std::nullopt;
  Picture picture;
  const std::size_t rows = channels_first ? 1 : 0;
  picture.height = static_cast<std::size_t>(shape[rows]);
  picture.width = static_cast<std::size_t>(shape[rows + 1]);
  if (channels_first) picture.channels = static_cast<std::size_t>(shape[0]);
  if (channels_last) picture.channels = static_cast<std::size_t>(shape[2]);
  if (picture.height < 2 || picture.width < 2) return std::nullopt;

  const std::size_t cells = picture.height * picture.width;
  const std::size_t size = cells * picture.channels;
  const std::int64_t start = examples.first * static_cast<std::int64_t>(size);
  std::vector<float> values(size * examples.count());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(input.at(start + static_cast<std::int64_t>(i)));
  }
  if (values.empty() || !std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
    return std::nullopt;
  }
  const auto [low, high] = std::ranges::minmax_element(values);
  picture.smallest = *low;
  picture.largest = *high;
  const double range = picture.largest > picture.smallest ? picture.largest - picture.smallest : 1;
  picture.pixels.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t within = i % size;
    const std::size_t to = channels_first ? within % cells * picture.channels + within / cells : within;
    picture.pixels[i - within + to] = static_cast<std::byte>(std::lround((values[i] - picture.smallest) / range * 255));
  }
  return picture;
}

std::optional<Sequence> sequence(const Array& input, Examples examples) {
  Shape shape = shape_of_one(input);
  shape.erase(std::remove(shape.begin(), shape.end(), 1), shape.end());
  if (shape.size() != 2 || (shape[0] != 4 && shape[1] != 4)) return std::nullopt;
  Sequence sequence;
  sequence.letters_first = shape[0] == 4;
  const std::int64_t length = sequence.letters_first ? shape[1] : shape[0];
  sequence.length = static_cast<std::size_t>(length);
  sequence.letters.reserve(sequence.length * examples.count());
  std::size_t unknown = 0;
  for (std::int64_t example = examples.first; example < examples.last; ++example) {
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t start = example * 4 * length + (sequence.letters_first ? i : 4 * i);
      const auto found = letter(input, start, sequence.letters_first ? length : 1);
      if (!found) return std::nullopt;
      unknown += *found == std::byte{4} ? 1 : 0;
      sequence.letters.push_back(*found);
    }
  }
  if (unknown * 2 > sequence.letters.size()) return std::nullopt;
  return sequence;
}

}  // namespace mho::report
