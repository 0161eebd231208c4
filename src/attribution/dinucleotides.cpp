// Shuffles of one-hot sequences that keep pairs of neighbours.
#include "attribution/dinucleotides.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

namespace mho::attribution {

namespace {

/// A number below `count`. The same everywhere, unlike std::uniform_int_distribution.
std::size_t draw(std::mt19937_64& random, std::size_t count) {
  const std::uint64_t limit = std::mt19937_64::max() - std::mt19937_64::max() % count;
  std::uint64_t value = random();
  while (value >= limit) value = random();
  return static_cast<std::size_t>(value % count);
}

/// Elements between neighbours along `axis`.
std::int64_t stride_of(const Shape& shape, std::size_t axis) {
  return std::accumulate(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

bool is_one_hot(const Array& x, const OneHotAxes& axes) {
  const Shape& shape = x.shape();
  bool known = false;
  for (std::int64_t p = 0; p < shape[axes.positions]; ++p) {
    double sum = 0;
    for (std::int64_t a = 0; a < shape[axes.letters]; ++a) {
      const double v = x.at(a * stride_of(shape, axes.letters) + p * stride_of(shape, axes.positions));
      if (v != 0 && v != 1) return false;
      sum += v;
    }
    if (sum > 1) return false;
    known = known || sum == 1;
  }
  return known;
}

/// One letter per position; the number of letters where none is known.
std::vector<int> letters_of(const Array& x, const OneHotAxes& axes) {
  const Shape& shape = x.shape();
  std::vector<int> letters;
  for (std::int64_t p = 0; p < shape[axes.positions]; ++p) {
    std::int64_t letter = shape[axes.letters];
    for (std::int64_t a = 0; a < shape[axes.letters]; ++a) {
      if (x.at(a * stride_of(shape, axes.letters) + p * stride_of(shape, axes.positions)) == 1) letter = a;
    }
    letters.push_back(static_cast<int>(letter));
  }
  return letters;
}

}  // namespace

std::optional<OneHotAxes> one_hot_axes(const Array& example) {
  const Shape& shape = example.shape();
  std::vector<std::size_t> wide;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < 1) return std::nullopt;
    if (shape[i] > 1) wide.push_back(i);
  }
  if (wide.size() != 2) return std::nullopt;
  for (const OneHotAxes axes : {OneHotAxes{wide[0], wide[1]}, OneHotAxes{wide[1], wide[0]}}) {
    if (is_one_hot(example, axes)) return axes;
  }
  return std::nullopt;
}

// Pairs of neighbours are edges of a graph of letters, and sequences with the same pairs its Eulerian walks between the
// same ends. A walk is drawn by drawing the last edge out of every letter until these form a tree that leads to the
// last letter, and all other edges in any order.
std::vector<int> shuffle_dinucleotides(const std::vector<int>& sequence, std::uint64_t seed) {
  if (sequence.size() < 3) return sequence;
  std::mt19937_64 random(seed);
  const auto letters = static_cast<std::size_t>(*std::ranges::max_element(sequence)) + 1;
  std::vector<std::vector<std::size_t>> edges(letters);
  for (std::size_t i = 0; i + 1 < sequence.size(); ++i) {
    edges[static_cast<std::size_t>(sequence[i])].push_back(static_cast<std::size_t>(sequence[i + 1]));
  }
  const auto end = static_cast<std::size_t>(sequence.back());

  std::vector<std::size_t> last(letters, 0);  // position among the edges of each letter
  const auto leads_to_end = [&](std::size_t letter) {
    for (std::size_t steps = 0; letter != end; ++steps) {
      if (steps > letters) return false;
      letter = edges[letter][last[letter]];
    }
    return true;
  };
  bool tree = false;
  while (!tree) {
    for (std::size_t a = 0; a < letters; ++a) {
      if (a != end && !edges[a].empty()) last[a] = draw(random, edges[a].size());
    }
    tree = true;
    for (std::size_t a = 0; a < letters && tree; ++a) tree = edges[a].empty() || leads_to_end(a);
  }
  for (std::size_t a = 0; a < letters; ++a) {
    if (edges[a].empty()) continue;
    if (a != end) std::swap(edges[a][last[a]], edges[a].back());
    const std::size_t free = edges[a].size() - (a != end ? 1 : 0);
    for (std::size_t i = free; i > 1; --i) std::swap(edges[a][i - 1], edges[a][draw(random, i)]);
  }
  std::vector<std::size_t> next(letters, 0);
  std::vector<int> walk = {sequence.front()};
  while (walk.size() < sequence.size()) {
    const auto at = static_cast<std::size_t>(walk.back());
    walk.push_back(static_cast<int>(edges[at][next[at]++]));
  }
  return walk;
}

Array shuffled_one_hot(const Array& example, const OneHotAxes& axes, std::uint64_t seed, std::int64_t index) {
  const std::vector<int> letters = letters_of(example, axes);
  // FNV-1a over seed, number and letters, so that a sequence has its shuffles wherever it stands.
  std::uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](std::uint64_t value) { hash = (hash ^ value) * 1099511628211ULL; };
  mix(seed);
  mix(static_cast<std::uint64_t>(index));
  for (const int letter : letters) mix(static_cast<std::uint64_t>(letter));

  const Shape& shape = example.shape();
  Array result(DType::f64, shape);
  const std::vector<int> shuffled = shuffle_dinucleotides(letters, hash);
  for (std::size_t p = 0; p < shuffled.size(); ++p) {
    if (shuffled[p] == shape[axes.letters]) continue;
    const std::int64_t at =
        shuffled[p] * stride_of(shape, axes.letters) + static_cast<std::int64_t>(p) * stride_of(shape, axes.positions);
    result.as<double>()[static_cast<std::size_t>(at)] = 1;
  }
  return result.to(example.dtype());
}

}  // namespace mho::attribution
