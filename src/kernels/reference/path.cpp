// Points on a straight path and sums along it, over stored elements in any layout.
#include "kernels/reference/reference_device.h"

namespace mho::kernels {

template <class Real>
void ReferenceDevice<Real>::interpolate(const Tensor& a, const Tensor& b, double alpha, const Tensor& y) {
  const auto as = a.as<Real>();
  const auto bs = b.as<Real>();
  const auto ys = y.as<Real>();
  for (std::size_t i = 0; i < ys.size(); ++i) {
    const auto from = static_cast<double>(as[i]);
    ys[i] = static_cast<Real>(from + alpha * (static_cast<double>(bs[i]) - from));
  }
}

template <class Real>
void ReferenceDevice<Real>::accumulate_path(double w0, const Tensor& g0, double w1, const Tensor& g1, const Tensor& y0,
                                            const Tensor& y1, const Tensor& acc) {
  const auto g0s = g0.as<Real>();
  const auto y0s = y0.as<Real>();
  const auto y1s = y1.as<Real>();
  const auto sums = acc.as<double>();
  const auto* const g1s = g1.empty() ? nullptr : g1.as<Real>().data();
  for (std::size_t i = 0; i < g0s.size(); ++i) {
    double gradient = w0 * static_cast<double>(g0s[i]);
    if (g1s != nullptr) gradient += w1 * static_cast<double>(g1s[i]);
    sums[i % sums.size()] += gradient * (static_cast<double>(y1s[i]) - static_cast<double>(y0s[i]));
  }
}

template <class Real>
void ReferenceDevice<Real>::accumulate(double w, const Tensor& g, const Tensor& acc) {
  const auto gs = g.as<Real>();
  const auto sums = acc.as<double>();
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += w * static_cast<double>(gs[i]);
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
