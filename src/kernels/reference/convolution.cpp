// Convolution and its two adjoints, written from the definition (ONNX Conv).
#include <algorithm>
#include <span>

#include "kernels/reference/reference_device.h"
#include "kernels/reference/window.h"

namespace mho::kernels {

namespace {

/// Extents and offsets that the three loops share. x [n, groups*c, in], w [groups*m, c, kernel], y [n, groups*m, out].
struct Geometry {
  Window3 window;
  Extents3 in, out;
  std::int64_t batch, groups, c, m;

  Geometry(const ConvolutionAttributes& attributes, const Shape& x, const Shape& w, const Shape& y)
      : window(attributes.window),
        in(Window3::spatial(x)),
        out(Window3::spatial(y)),
        batch(x[0]),
        groups(attributes.groups),
        c(w[1]),
        m(w[0] / attributes.groups) {}

  /// Calls f(x index, w index, y index) for every product of the convolution, y index slowest.
  template <class F>
  void for_each_product(const Workspace& workspace, F&& f) const {
    const std::int64_t in_volume = volume(in);
    const std::int64_t out_volume = volume(out);
    const std::int64_t kernel_volume = volume(window.kernel);
    for (std::int64_t n = 0; n < batch; ++n) {
      for (std::int64_t g = 0; g < groups; ++g) {
        for (std::int64_t o = 0; o < m; ++o) {
          workspace.ask();
          const std::int64_t out_channel = g * m + o;
          Window3::for_each_output(out, [&](const Extents3& position, std::int64_t y_offset) {
            const std::int64_t y = (n * groups * m + out_channel) * out_volume + y_offset;
            for (std::int64_t i = 0; i < c; ++i) {
              const std::int64_t x = (n * groups * c + g * c + i) * in_volume;
              const std::int64_t w = (out_channel * c + i) * kernel_volume;
              window.for_each_cell(in, position, [&](std::int64_t cell, bool, std::int64_t k) {
                if (cell >= 0)
                  f(static_cast<std::size_t>(x + cell), static_cast<std::size_t>(w + k), static_cast<std::size_t>(y));
              });
            }
          });
        }
      }
    }
  }
};

template <class Real>
void store(std::span<const double> sums, std::span<Real> target) {
  std::ranges::transform(sums, target.begin(), [](double v) { return static_cast<Real>(v); });
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::convolution(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& x,
                                        const Tensor& w, const Tensor& y, const Epilogue& epilogue) {
  const Geometry geometry(attributes, x.shape(), w.shape(), y.shape());
  const auto xs = x.as<Real>();
  const auto ws = w.as<Real>();
  const auto ys = y.as<Real>();
  const auto sums = workspace.numbers<double>(ys.size(), 0);
  geometry.for_each_product(workspace, [&](std::size_t i, std::size_t k, std::size_t o) {
    sums[o] += static_cast<double>(xs[i]) * static_cast<double>(ws[k]);
  });
  const auto plane = static_cast<std::size_t>(volume(geometry.out));
  const auto channels = static_cast<std::size_t>(w.dim(0));
  for (std::size_t o = 0; o < sums.size(); ++o) {
    if (epilogue.bias != nullptr) sums[o] += static_cast<double>(epilogue.bias->as<Real>()[o / plane % channels]);
    if (epilogue.residual != nullptr) sums[o] += static_cast<double>(epilogue.residual->as<Real>()[o]);
    if (epilogue.relu && sums[o] < 0) sums[o] = 0;
  }
  store(sums, ys);
}

template <class Real>
void ReferenceDevice<Real>::convolution_vjp_data(Workspace& workspace, const ConvolutionAttributes& attributes,
                                                 const Tensor& gy, const Tensor& w, const Tensor& gx) {
  const Geometry geometry(attributes, gx.shape(), w.shape(), gy.shape());
  const auto gys = gy.as<Real>();
  const auto ws = w.as<Real>();
  const auto gxs = gx.as<Real>();
  const auto sums = workspace.numbers<double>(gxs.size(), 0);
  geometry.for_each_product(workspace, [&](std::size_t i, std::size_t k, std::size_t o) {
    sums[i] += static_cast<double>(gys[o]) * static_cast<double>(ws[k]);
  });
  store(sums, gxs);
}

template <class Real>
void ReferenceDevice<Real>::convolution_vjp_weights(Workspace& workspace, const ConvolutionAttributes& attributes,
                                                    const Tensor& x, const Tensor& gy, const Tensor& gw) {
  const Geometry geometry(attributes, x.shape(), gw.shape(), gy.shape());
  const auto xs = x.as<Real>();
  const auto gys = gy.as<Real>();
  const auto gws = gw.as<Real>();
  const auto sums = workspace.numbers<double>(gws.size(), 0);
  geometry.for_each_product(workspace, [&](std::size_t i, std::size_t k, std::size_t o) {
    sums[k] += static_cast<double>(xs[i]) * static_cast<double>(gys[o]);
  });
  store(sums, gws);
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
