// Loops over strided operands, with neighbouring axes merged so that inner runs are long.
#pragma once

#include <mho/error.h>

#include <array>
#include <cstddef>
#include <vector>

#include "kernels/cpu/threads.h"
#include "kernels/tensor.h"

namespace mho::kernels::cpu {

/// Nested loops, outermost first, each with the step in elements that every one of the K operands makes.
template <std::size_t K>
struct Loops {
  using Steps = std::array<std::int64_t, K>;
  std::vector<std::int64_t> extents;
  std::vector<Steps> steps;
  Steps start{};

  /// Appends an innermost loop, merged into the one around it where both walk as one.
  void add(std::int64_t extent, const Steps& step) {
    if (extent == 1) return;
    bool merge = !extents.empty();
    for (std::size_t k = 0; merge && k < K; ++k) merge = steps.back()[k] == step[k] * extent;
    if (merge) {
      extents.back() *= extent;
      steps.back() = step;
    } else {
      extents.push_back(extent);
      steps.push_back(step);
    }
  }
  [[nodiscard]] std::int64_t elements() const { return element_count(extents); }
};

/// Where the loops stand: an index per axis except the innermost, and the operands' offsets.
template <std::size_t K>
class Odometer {
 public:
  Odometer(const Loops<K>& loops, std::size_t axes, std::int64_t row) : loops_(loops), axes_(axes) {
    if (axes > index_.size()) throw Error(Code::kLimit, "a tensor has more than 32 axes that cannot be merged");
    offsets_ = loops.start;
    for (std::size_t axis = axes; axis-- > 0;) {
      index_[axis] = row % loops.extents[axis];
      row /= loops.extents[axis];
      for (std::size_t k = 0; k < K; ++k) offsets_[k] += index_[axis] * loops.steps[axis][k];
    }
  }
  [[nodiscard]] const typename Loops<K>::Steps& offsets() const { return offsets_; }
  void advance() {
    for (std::size_t axis = axes_; axis-- > 0;) {
      for (std::size_t k = 0; k < K; ++k) offsets_[k] += loops_.steps[axis][k];
      if (++index_[axis] < loops_.extents[axis]) return;
      for (std::size_t k = 0; k < K; ++k) offsets_[k] -= loops_.extents[axis] * loops_.steps[axis][k];
      index_[axis] = 0;
    }
  }

 private:
  const Loops<K>& loops_;
  std::size_t axes_;
  std::array<std::int64_t, 32> index_{};
  typename Loops<K>::Steps offsets_{};
};

/// Calls body(offsets, inner steps, n) for runs that cover all elements, in parallel.
template <std::size_t K, class Body>
void for_each_run(int threads, const Loops<K>& loops, std::int64_t cost, const Body& body) {
  using Steps = typename Loops<K>::Steps;
  if (loops.extents.empty()) return body(loops.start, Steps{}, 1);
  const std::size_t outer = loops.extents.size() - 1;
  const std::int64_t inner = loops.extents.back();
  const Steps step = loops.steps.back();
  if (outer > 32) throw Error(Code::kLimit, "a tensor has more than 32 axes that cannot be merged");
  parallel_for(threads, loops.elements(), cost, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
    Odometer<K> rows(loops, outer, begin / inner);
    std::int64_t column = begin % inner;
    while (begin < end) {
      const std::int64_t n = std::min(inner - column, end - begin);
      Steps offsets = rows.offsets();
      for (std::size_t k = 0; k < K; ++k) offsets[k] += column * step[k];
      body(offsets, step, n);
      begin += n;
      column = 0;
      rows.advance();
    }
  });
}

/// Row-major steps of `shape`.
[[nodiscard]] inline std::vector<std::int64_t> row_major_steps(const Shape& shape) {
  std::vector<std::int64_t> steps(shape.size());
  std::int64_t step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    steps[axis] = step;
    step *= shape[axis];
  }
  return steps;
}

/// Steps with which a tensor of shape `from` is read where it is broadcast to `to`.
[[nodiscard]] inline std::vector<std::int64_t> broadcast_steps(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> steps(to.size(), 0);
  const auto own = row_major_steps(from);
  const std::size_t missing = to.size() - from.size();
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (from[axis] != 1) steps[missing + axis] = own[axis];
  }
  return steps;
}

}  // namespace mho::kernels::cpu
