// Where the windows of a pooling lie in a plane, and walks over planes, windows and their points.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/cpu/blocked.h"
#include "kernels/cpu/threads.h"
#include "kernels/device.h"

namespace mho::kernels::cpu {

/// The part of a window that lies inside the input, along one axis.
struct Span {
  std::int64_t begin = 0;    ///< first input position
  std::int64_t count = 0;    ///< positions, `dilation` apart
  std::int64_t counted = 0;  ///< positions inside the input or its padding, without ceil_mode's overhang
};

struct PoolAxis {
  std::int64_t in = 1;
  std::int64_t dilation = 1;
  std::vector<Span> spans{{0, 1, 1}};  ///< per output position
};

struct PoolGeometry {
  std::array<PoolAxis, 3> axes;  ///< depth, height, width
  std::int64_t in_points = 1;
  std::int64_t out_points = 1;
  std::int64_t window_points = 1;
};

/// Of pooling x to y.
[[nodiscard]] PoolGeometry geometry_of(const Window& window, const Shape& x, const Shape& y);

// Both visitors must be inlined, for only then are they compiled for their caller's instruction set.

/// Calls visit(output point, depth span, height span, width span) for every output point of a plane.
template <class Visit>
[[gnu::always_inline]] inline void for_each_window(const PoolGeometry& g, Visit&& visit) {
  std::int64_t point = 0;
  for (const Span& d : g.axes[0].spans) {
    for (const Span& h : g.axes[1].spans) {
      for (const Span& w : g.axes[2].spans) visit(point++, d, h, w);
    }
  }
}

/// Calls visit(input point) for every point inside the window, in row-major order.
template <class Visit>
[[gnu::always_inline]] inline void for_each_point(const PoolGeometry& g, const Span& d, const Span& h, const Span& w,
                                                  Visit&& visit) {
  for (std::int64_t i = 0; i < d.count; ++i) {
    const std::int64_t row = (d.begin + i * g.axes[0].dilation) * g.axes[1].in;
    for (std::int64_t j = 0; j < h.count; ++j) {
      const std::int64_t base = (row + h.begin + j * g.axes[1].dilation) * g.axes[2].in + w.begin;
      for (std::int64_t k = 0; k < w.count; ++k) visit(base + k * g.axes[2].dilation);
    }
  }
}

/// Calls body(plane, lanes as std::integral_constant) for all planes of a tensor, in parallel.
template <class Body>
void for_each_plane(int threads, const TensorType& type, std::int64_t cost, const Body& body) {
  const Images extents = images_of(type.shape);
  const bool blocked = type.layout == Layout::blocked;
  const std::int64_t planes = extents.images * (blocked ? extents.blocks() : extents.channels);
  parallel_for(threads, planes, blocked ? cost * kChannelBlock : cost, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      if (blocked) {
        body(plane, std::integral_constant<std::int64_t, kChannelBlock>{});
      } else {
        body(plane, std::integral_constant<std::int64_t, 1>{});
      }
    }
  });
}

}  // namespace mho::kernels::cpu
