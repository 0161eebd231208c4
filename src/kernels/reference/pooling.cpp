// Max and average pooling with their adjoints (ONNX MaxPool, AveragePool).
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/reference/reference_device.h"
#include "kernels/reference/window.h"

namespace mho::kernels {

namespace {

/// Calls f(plane offset in x, plane offset in y) for every (example, channel).
template <class F>
void for_each_plane(const Shape& x, const Shape& y, F&& f) {
  const std::int64_t in = volume(Window3::spatial(x));
  const std::int64_t out = volume(Window3::spatial(y));
  for (std::int64_t p = 0; p < x[0] * x[1]; ++p) f(p * in, p * out);
}

/// Cells that an average divides by at output position o.
std::int64_t divisor(const Window3& window, const Extents3& in, const Extents3& o, bool count_include_pad) {
  std::int64_t count = 0;
  window.for_each_cell(in, o, [&](std::int64_t cell, bool beyond, std::int64_t) {
    count += (cell >= 0 || (count_include_pad && !beyond)) ? 1 : 0;
  });
  return std::max<std::int64_t>(count, 1);
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::pool_max(Workspace&, const Window& window, const Tensor& x, const Tensor& y,
                                     const Tensor& winner) {
  const Window3 w(window);
  const Extents3 in = Window3::spatial(x.shape());
  const Extents3 out = Window3::spatial(y.shape());
  for_each_plane(x.shape(), y.shape(), [&](std::int64_t x_plane, std::int64_t y_plane) {
    const Real* xs = x.as<Real>().data() + x_plane;
    Window3::for_each_output(out, [&](const Extents3& o, std::int64_t offset) {
      std::int64_t best = -1;
      w.for_each_cell(in, o, [&](std::int64_t cell, bool, std::int64_t) {
        if (cell < 0) return;
        if (best < 0 || xs[cell] > xs[best] || (std::isnan(xs[cell]) && !std::isnan(xs[best]))) best = cell;
      });
      const auto at = static_cast<std::size_t>(y_plane + offset);
      y.as<Real>()[at] = best < 0 ? -std::numeric_limits<Real>::infinity() : xs[best];
      winner.as<std::int32_t>()[at] = static_cast<std::int32_t>(best);
    });
  });
}

template <class Real>
void ReferenceDevice<Real>::pool_max_vjp(Workspace&, const Window&, const Tensor& gy, const Tensor& winner,
                                         const Tensor& gx) {
  fill(gx, 0);
  const std::int64_t out = volume(Window3::spatial(gy.shape()));
  for_each_plane(gx.shape(), gy.shape(), [&](std::int64_t x_plane, std::int64_t y_plane) {
    for (std::int64_t o = y_plane; o < y_plane + out; ++o) {
      const std::int32_t best = winner.as<std::int32_t>()[static_cast<std::size_t>(o)];
      if (best >= 0)
        gx.as<Real>()[static_cast<std::size_t>(x_plane + best)] += gy.as<Real>()[static_cast<std::size_t>(o)];
    }
  });
}

template <class Real>
void ReferenceDevice<Real>::pool_average(Workspace&, const Window& window, bool count_include_pad, const Tensor& x,
                                         const Tensor& y) {
  const Window3 w(window);
  const Extents3 in = Window3::spatial(x.shape());
  const Extents3 out = Window3::spatial(y.shape());
  for_each_plane(x.shape(), y.shape(), [&](std::int64_t x_plane, std::int64_t y_plane) {
    const Real* xs = x.as<Real>().data() + x_plane;
    Window3::for_each_output(out, [&](const Extents3& o, std::int64_t offset) {
      double sum = 0;
      w.for_each_cell(in, o, [&](std::int64_t cell, bool, std::int64_t) {
        if (cell >= 0) sum += static_cast<double>(xs[cell]);
      });
      const auto count = static_cast<double>(divisor(w, in, o, count_include_pad));
      y.as<Real>()[static_cast<std::size_t>(y_plane + offset)] = static_cast<Real>(sum / count);
    });
  });
}

template <class Real>
void ReferenceDevice<Real>::pool_average_vjp(Workspace&, const Window& window, bool count_include_pad, const Tensor& gy,
                                             const Tensor& gx) {
  fill(gx, 0);
  const Window3 w(window);
  const Extents3 in = Window3::spatial(gx.shape());
  const Extents3 out = Window3::spatial(gy.shape());
  for_each_plane(gx.shape(), gy.shape(), [&](std::int64_t x_plane, std::int64_t y_plane) {
    Window3::for_each_output(out, [&](const Extents3& o, std::int64_t offset) {
      const double share = static_cast<double>(gy.as<Real>()[static_cast<std::size_t>(y_plane + offset)]) /
                           static_cast<double>(divisor(w, in, o, count_include_pad));
      w.for_each_cell(in, o, [&](std::int64_t cell, bool, std::int64_t) {
        if (cell >= 0) gx.as<Real>()[static_cast<std::size_t>(x_plane + cell)] += static_cast<Real>(share);
      });
    });
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
