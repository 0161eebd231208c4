// Index arithmetic for plain tensors: strides, broadcasting strides, and a walk over all positions.
#pragma once

#include <mho/array.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace mho::kernels {

/// Row-major strides in elements.
[[nodiscard]] inline Shape row_major_strides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

/// Strides for reading a tensor of `shape` as if it had the shape `as` (numpy broadcasting): 0 on repeated axes.
[[nodiscard]] inline Shape broadcast_strides(const Shape& shape, const Shape& as) {
  const Shape own = row_major_strides(shape);
  Shape strides(as.size(), 0);
  const std::size_t lead = as.size() - shape.size();
  for (std::size_t i = 0; i < shape.size(); ++i) strides[lead + i] = shape[i] == 1 ? 0 : own[i];
  return strides;
}

/// Calls f(offset per stride set) for every position of `extents` in row-major order; the offsets are
/// start + sum(position * stride), one for each set given.
template <std::size_t Sets, class F>
void for_each_position(const Shape& extents, const std::array<Shape, Sets>& strides, F&& f) {
  if (element_count(extents) == 0) return;
  Shape position(extents.size(), 0);
  std::array<std::int64_t, Sets> offsets{};
  while (true) {
    f(offsets);
    std::size_t axis = extents.size();
    while (axis > 0) {
      --axis;
      if (++position[axis] < extents[axis]) {
        for (std::size_t s = 0; s < Sets; ++s) offsets[s] += strides[s][axis];
        break;
      }
      for (std::size_t s = 0; s < Sets; ++s) offsets[s] -= strides[s][axis] * (extents[axis] - 1);
      position[axis] = 0;
      if (axis == 0) return;
    }
    if (extents.empty()) return;
  }
}

/// Where winners of a reduction from `x` to `y` (extents 1) are counted from for element `o` of y: the beginning of its
/// row of the leading axis, unless that axis is reduced. So a winner means the same in every slot of a batch.
[[nodiscard]] inline std::size_t first_candidate(const Shape& x, const Shape& y, std::size_t o) {
  if (x.empty() || x[0] != y[0] || x[0] == 0) return 0;
  const auto rows = static_cast<std::size_t>(x[0]);
  const std::size_t row = o / (static_cast<std::size_t>(element_count(y)) / rows);
  return row * (static_cast<std::size_t>(element_count(x)) / rows);
}

}  // namespace mho::kernels
