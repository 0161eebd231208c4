// Two-input functions: broadcasting is reduced to runs in which each operand either walks or stands still.
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

/// y[i] = f(a[i * step_a], b[i * step_b]), steps 0 or 1.
template <class F>
MHO_VECTORISED void map_run(const F& f, const float* a, bool walk_a, const float* b, bool walk_b, float* y,
                            std::int64_t n) {
  if (walk_a && walk_b) {
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (walk_a) {
    const float fixed = *b;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) y[i] = f(a[i], fixed);
  } else if (walk_b) {
    const float fixed = *a;
#pragma omp simd
    for (std::int64_t i = 0; i < n; ++i) y[i] = f(fixed, b[i]);
  } else {
    std::fill_n(y, n, f(*a, *b));
  }
}

/// One channel block of a blocked tensor: `lanes` stand still, one per channel.
template <bool lanes_first, class F>
MHO_VECTORISED void map_lanes(const F& f, const float* x, const float* lanes, float* y, std::int64_t points) {
  for (std::int64_t p = 0; p < points; ++p) {
#pragma omp simd
    for (std::int64_t l = 0; l < kChannelBlock; ++l) {
      const std::int64_t i = p * kChannelBlock + l;
      y[i] = lanes_first ? f(lanes[l], x[i]) : f(x[i], lanes[l]);
    }
  }
}

template <class Visit>
bool visit_function(Binary f, Visit&& visit) {
  switch (f) {
    case Binary::add:
      return visit([](float a, float b) { return a + b; }, 1);
    case Binary::sub:
      return visit([](float a, float b) { return a - b; }, 1);
    case Binary::mul:
      return visit([](float a, float b) { return a * b; }, 1);
    case Binary::div:
      return visit([](float a, float b) { return a / b; }, 1);
    case Binary::max:  // NaN if either is
      return visit([](float a, float b) { return a > b || a != a ? a : b; }, 1);
    case Binary::min:
      return visit([](float a, float b) { return a < b || a != a ? a : b; }, 1);
    case Binary::pow:
      return visit([](float a, float b) { return std::pow(a, b); }, 32);
    case Binary::fmod:
      return visit([](float a, float b) { return std::fmod(a, b); }, 32);
    default:
      return false;
  }
}

using BroadcastLoops = cpu::Loops<3>;  // a, b, y

BroadcastLoops loops_of(const Shape& a, const Shape& b, const Shape& y) {
  const auto steps_a = cpu::broadcast_steps(a, y);
  const auto steps_b = cpu::broadcast_steps(b, y);
  const auto steps_y = cpu::row_major_steps(y);
  BroadcastLoops loops;
  for (std::size_t axis = 0; axis < y.size(); ++axis) {
    loops.add(y[axis], {steps_a[axis], steps_b[axis], steps_y[axis]});
  }
  return loops;
}

/// One operand blocked like y, the other one number per channel.
template <class F>
void map_channels(int threads, const F& f, std::int64_t cost, const Tensor& blocked, const Tensor& channels,
                  bool channels_first, const Tensor& y) {
  const cpu::Images extents = cpu::images_of(y.shape());
  const float* const x = blocked.as<float>().data();
  const float* const c = channels.as<float>().data();
  float* const to = y.as<float>().data();
  const std::int64_t stride = extents.points * kChannelBlock;
  cpu::parallel_for(threads, extents.images * extents.blocks(), stride * cost, 1,
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) {
                        const std::int64_t first = i % extents.blocks() * kChannelBlock;
                        std::array<float, kChannelBlock> lanes{};
                        std::copy_n(c + first, std::min(kChannelBlock, extents.channels - first), lanes.begin());
                        if (channels_first) {
                          map_lanes<true>(f, x + i * stride, lanes.data(), to + i * stride, extents.points);
                        } else {
                          map_lanes<false>(f, x + i * stride, lanes.data(), to + i * stride, extents.points);
                        }
                      }
                    });
}

bool is_blocked(const Tensor& tensor) { return tensor.type.layout == Layout::blocked; }

/// A plain tensor that repeats over a blocked one, as one number or one per channel.
bool is_channel_vector(const Tensor& tensor) { return !is_blocked(tensor) && tensor.type.elements() > 1; }

}  // namespace

void CpuDevice::binary(Workspace& workspace, Binary f, const Tensor& a, const Tensor& b, const Tensor& y) {
  const auto run = [&](const auto& function, std::int64_t cost) {
    if (is_blocked(y) && (is_channel_vector(a) || is_channel_vector(b))) {
      const bool first = is_channel_vector(a);
      map_channels(threads_, function, cost, first ? b : a, first ? a : b, first, y);
      return true;
    }
    const auto shape = [&](const Tensor& t) { return is_blocked(y) ? cpu::flattened(t).shape() : t.shape(); };
    const auto& loops = workspace.slot<BroadcastLoops>([&] { return loops_of(shape(a), shape(b), shape(y)); });
    const float* const from_a = a.as<float>().data();
    const float* const from_b = b.as<float>().data();
    float* const to = y.as<float>().data();
    cpu::for_each_run(threads_, loops, cost, [&](const auto& at, const auto& step, std::int64_t n) {
      map_run(function, from_a + at[0], step[0] != 0, from_b + at[1], step[1] != 0, to + at[2], n);
    });
    return true;
  };
  const bool real = a.dtype() == DType::f32 && b.dtype() == DType::f32 && y.dtype() == DType::f32;
  if (!real || !visit_function(f, run)) {
    if (is_blocked(y) && (is_channel_vector(a) || is_channel_vector(b))) {
      // Rare (comparisons with a channel vector): spread the vector out first.
      const Tensor& vector = is_channel_vector(a) ? a : b;
      const Tensor spread = workspace.temporary({vector.dtype(), y.shape(), Layout::plain});
      const Tensor spread_blocked = workspace.temporary({vector.dtype(), y.shape(), Layout::blocked});
      broadcast(workspace, vector, spread);
      copy(workspace, spread, spread_blocked);
      return is_channel_vector(a) ? binary(workspace, f, spread_blocked, b, y)
                                  : binary(workspace, f, a, spread_blocked, y);
    }
    if (is_blocked(y)) {
      ReferenceDevice<float>::binary(workspace, f, cpu::flattened(a), cpu::flattened(b), cpu::flattened(y));
    } else {
      ReferenceDevice<float>::binary(workspace, f, a, b, y);
    }
  }
  cpu::zero_padding(y);
}

void CpuDevice::where(Workspace& workspace, const Tensor& condition, const Tensor& a, const Tensor& b,
                      const Tensor& y) {
  if (!is_blocked(y)) return ReferenceDevice<float>::where(workspace, condition, a, b, y);
  ReferenceDevice<float>::where(workspace, cpu::flattened(condition), cpu::flattened(a), cpu::flattened(b),
                                cpu::flattened(y));
  cpu::zero_padding(y);
}

}  // namespace mho::kernels
