// How alike two rankings are: Spearman's and Kendall's correlation, overlap of the first k.
#include "attribution/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace mho::attribution {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<std::size_t> ascending(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
  return order;
}

/// Pairs within each run of neighbours that `same` calls equal.
template <class Same>
double tied_pairs(std::size_t count, Same same) {
  double pairs = 0;
  for (std::size_t first = 0; first < count;) {
    std::size_t last = first + 1;
    while (last < count && same(first, last)) ++last;
    const auto run = static_cast<double>(last - first);
    pairs += run * (run - 1) / 2;
    first = last;
  }
  return pairs;
}

/// Sorts values[first, last), and counts the pairs that were in the wrong order.
double sort_counting(std::vector<double>& values, std::vector<double>& buffer, std::size_t first, std::size_t last) {
  if (last - first < 2) return 0;
  const std::size_t middle = first + (last - first) / 2;
  double swaps = sort_counting(values, buffer, first, middle) + sort_counting(values, buffer, middle, last);
  std::size_t left = first;
  std::size_t right = middle;
  for (std::size_t k = first; k < last; ++k) {
    const bool take_left = right == last || (left < middle && values[left] <= values[right]);
    if (!take_left) swaps += static_cast<double>(middle - left);
    buffer[k] = values[take_left ? left++ : right++];
  }
  std::copy(buffer.begin() + static_cast<std::ptrdiff_t>(first), buffer.begin() + static_cast<std::ptrdiff_t>(last),
            values.begin() + static_cast<std::ptrdiff_t>(first));
  return swaps;
}

}  // namespace

std::vector<double> average_ranks(std::span<const double> values) {
  const std::vector<std::size_t> order = ascending(values);
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first + 1;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    const double mean = static_cast<double>(first + 1 + last) / 2;
    for (std::size_t k = first; k < last; ++k) ranks[order[k]] = mean;
    first = last;
  }
  return ranks;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  const std::vector<double> x = average_ranks(a);
  const std::vector<double> y = average_ranks(b);
  const double mean = (static_cast<double>(x.size()) + 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : kNone;
}

double kendall(std::span<const double> a, std::span<const double> b) {
  const std::size_t count = a.size();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t i, std::size_t j) { return a[i] != a[j] ? a[i] < a[j] : b[i] < b[j]; });
  const auto same_a = [&](std::size_t i, std::size_t j) { return a[order[i]] == a[order[j]]; };
  const double ties_a = tied_pairs(count, same_a);
  const double ties_both =
      tied_pairs(count, [&](std::size_t i, std::size_t j) { return same_a(i, j) && b[order[i]] == b[order[j]]; });
  std::vector<double> values;
  for (const std::size_t i : order) values.push_back(b[i]);
  std::vector<double> buffer(count);
  const double discordant = sort_counting(values, buffer, 0, count);
  const double ties_b = tied_pairs(count, [&](std::size_t i, std::size_t j) { return values[i] == values[j]; });
  const double pairs = static_cast<double>(count) * (static_cast<double>(count) - 1) / 2;
  const double untied = (pairs - ties_a) * (pairs - ties_b);
  return untied > 0 ? (pairs - ties_a - ties_b + ties_both - 2 * discordant) / std::sqrt(untied) : kNone;
}

std::vector<std::int64_t> descending(std::span<const double> values) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
  return order;
}

double overlap(std::span<const std::int64_t> a, std::span<const std::int64_t> b, std::int64_t k) {
  const std::size_t first = std::min(static_cast<std::size_t>(k), a.size());
  std::vector<std::int64_t> x(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(first));
  std::vector<std::int64_t> y(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(first));
  std::ranges::sort(x);
  std::ranges::sort(y);
  std::vector<std::int64_t> shared;
  std::ranges::set_intersection(x, y, std::back_inserter(shared));
  return first > 0 ? static_cast<double>(shared.size()) / static_cast<double>(first) : kNone;
}

}  // namespace mho::attribution
