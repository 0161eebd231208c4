// DeepLIFT multipliers of MaxPool in both layouts (MATHS.md section 3).
#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/pool_windows.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/reference/multipliers.h"

namespace mho::kernels {

using cpu::PoolGeometry;
using cpu::Span;

namespace {

// The 16 channels of one point of a blocked tensor as one value, which compilers keep in registers.
using Floats [[gnu::vector_size(4 * kChannelBlock)]] = float;
using Ints [[gnu::vector_size(4 * kChannelBlock)]] = std::int32_t;

template <class T>
[[gnu::always_inline]] inline void load(const void* from, T& value) {
  std::memcpy(&value, from, sizeof value);
}

/// One channel, or 16 of them side by side.
struct Plane {
  const float* x;
  const float* rx;
  const std::int32_t* winner;
  const std::int32_t* rwinner;
  const float* my;
  float* mx;  ///< zeros beforehand
};

/// Where a window and its reference have the same winner it gets all of my. Returns how many have not, and writes their
/// places in my.
MHO_VECTORISED std::int64_t add_common_winners(const PoolGeometry& g, const Plane& plane, std::int32_t* apart) {
  std::int64_t count = 0;
  cpu::for_each_window(g, [&](std::int64_t out, const Span& d, const Span& h, const Span& w) {
    Ints p, q;
    Floats m;
    load(plane.winner + out * kChannelBlock, p);
    load(plane.rwinner + out * kChannelBlock, q);
    load(plane.my + out * kChannelBlock, m);
    const Ints different = p ^ q;
    const Floats none{};
    m = different != 0 ? none : m;
    cpu::for_each_point(g, d, h, w, [&](std::int64_t in) {
      float* const to = plane.mx + in * kChannelBlock;
      Floats sum;
      load(to, sum);
      const Floats with = sum + m;
      sum = p == static_cast<std::int32_t>(in) ? with : sum;
      std::memcpy(to, &sum, sizeof sum);
    });
    std::int32_t any = 0;
    for (int l = 0; l < kChannelBlock; ++l) any |= different[l];
    if (any == 0) return;
    for (int l = 0; l < kChannelBlock; ++l) {
      apart[count] = static_cast<std::int32_t>(out * kChannelBlock + l);
      count += plane.winner[apart[count]] != plane.rwinner[apart[count]] ? 1 : 0;
    }
  });
  return count;
}

/// Of a window whose winners differ.
void add_different_winners(const Plane& plane, std::int64_t at, std::int64_t lanes) {
  const std::int64_t lane = at % lanes;
  if (plane.winner[at] < 0 || plane.my[at] == 0.0F) return;
  add_extremum<float>(1, plane.x + lane, plane.rx + lane, plane.winner[at], plane.rwinner[at], plane.my[at],
                      plane.mx + lane, lanes);
}

}  // namespace

void CpuDevice::pool_max_multipliers(Workspace& workspace, const Window& window, const Tensor& x, const Tensor& rx,
                                     const Tensor& winner, const Tensor& rwinner, const Tensor& my, const Tensor& mx) {
  const auto& g = workspace.slot<PoolGeometry>([&] { return cpu::geometry_of(window, mx.shape(), my.shape()); });
  const std::int64_t outputs = g.out_points * kChannelBlock;
  const bool few = outputs < std::numeric_limits<std::int32_t>::max();
  const Tensor places = workspace.temporary({DType::i32, {few ? threads_ * (outputs + 1) : 0}});
  const std::int64_t cost = g.in_points + 8 * g.out_points;
  cpu::for_each_plane(threads_, mx.type, cost, [&](std::int64_t index, auto lanes) {
    const std::int64_t in = index * g.in_points * lanes, out = index * g.out_points * lanes;
    const Plane plane{x.as<float>().data() + in,
                      rx.as<float>().data() + in,
                      winner.as<std::int32_t>().data() + out,
                      rwinner.as<std::int32_t>().data() + out,
                      my.as<float>().data() + out,
                      mx.as<float>().data() + in};
    std::fill_n(plane.mx, g.in_points * lanes, 0.0F);
    if (lanes == kChannelBlock && few) {
      std::int32_t* const apart = places.as<std::int32_t>().data() + cpu::thread_index(threads_) * (outputs + 1);
      const std::int64_t count = add_common_winners(g, plane, apart);
      for (std::int64_t k = 0; k < count; ++k) add_different_winners(plane, apart[k], lanes);
    } else {
      for (std::int64_t o = 0; o < g.out_points * lanes; ++o) add_different_winners(plane, o, lanes);
    }
  });
  cpu::zero_padding(mx);
}

}  // namespace mho::kernels
