// Reductions to extent 1, and extrema with the position of the first winner.
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "kernels/reference/elements.h"
#include "kernels/reference/reference_device.h"
#include "kernels/reference/strides.h"

namespace mho::kernels {

namespace {

/// Whether `value` replaces `best`; NaN wins over numbers, and the first of equals stays.
template <class T>
bool beats(Extremum kind, T value, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(best)) return false;
    if (std::isnan(value)) return true;
  }
  return kind == Extremum::max ? value > best : value < best;
}

/// Calls f(index in x, index in y) in x's element order.
template <class F>
void for_each_reduced(const Tensor& x, const Tensor& y, F&& f) {
  const std::array<Shape, 2> strides{row_major_strides(x.shape()), broadcast_strides(y.shape(), x.shape())};
  for_each_position(x.shape(), strides, [&](const std::array<std::int64_t, 2>& at) {
    f(static_cast<std::size_t>(at[0]), static_cast<std::size_t>(at[1]));
  });
}

template <class T>
void extremum(Workspace& workspace, Extremum kind, const Tensor& x, const Tensor& y, std::span<std::int32_t> winners) {
  using Limits = std::numeric_limits<T>;
  const T worst = Limits::has_infinity ? (kind == Extremum::max ? -Limits::infinity() : Limits::infinity())
                                       : (kind == Extremum::max ? Limits::lowest() : Limits::max());
  const auto ys = y.as<T>();
  const auto seen = workspace.numbers<bool>(ys.size(), false);
  std::fill(ys.begin(), ys.end(), worst);
  for_each_reduced(x, y, [&](std::size_t i, std::size_t o) {
    const T value = x.as<T>()[i];
    if (seen[o] && !beats(kind, value, ys[o])) return;
    seen[o] = true;
    ys[o] = value;
    if (!winners.empty()) winners[o] = static_cast<std::int32_t>(i - first_candidate(x.shape(), y.shape(), o));
  });
}

/// Sum, mean or product with the accumulator type A.
template <class T, class A>
void fold(Workspace& workspace, ReduceKind kind, const Tensor& x, const Tensor& y) {
  const auto ys = y.as<T>();
  const auto totals = workspace.numbers<A>(ys.size(), kind == ReduceKind::prod ? A{1} : A{0});
  for_each_reduced(x, y, [&](std::size_t i, std::size_t o) {
    const A value = static_cast<A>(x.as<T>()[i]);
    totals[o] = kind == ReduceKind::prod ? totals[o] * value : totals[o] + value;
  });
  const std::int64_t count = ys.empty() ? 1 : x.type.elements() / static_cast<std::int64_t>(ys.size());
  for (std::size_t o = 0; o < ys.size(); ++o) {
    if (kind == ReduceKind::mean) totals[o] = count == 0 ? A{0} : static_cast<A>(totals[o] / static_cast<A>(count));
    ys[o] = convert<T>(totals[o]);
  }
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::reduce(Workspace& workspace, ReduceKind kind, const Tensor& x, const Tensor& y) {
  const bool integer = x.dtype() == DType::i64;
  if (kind == ReduceKind::max || kind == ReduceKind::min) {
    const Extremum which = kind == ReduceKind::max ? Extremum::max : Extremum::min;
    integer ? extremum<std::int64_t>(workspace, which, x, y, {}) : extremum<Real>(workspace, which, x, y, {});
  } else {
    // Unsigned accumulation: integer overflow in a hostile model wraps instead of being undefined.
    integer ? (kind == ReduceKind::mean ? fold<std::int64_t, double>(workspace, kind, x, y)
                                        : fold<std::int64_t, std::uint64_t>(workspace, kind, x, y))
            : fold<Real, double>(workspace, kind, x, y);
  }
}

template <class Real>
void ReferenceDevice<Real>::reduce_extremum(Workspace& workspace, Extremum kind, const Tensor& x, const Tensor& y,
                                            const Tensor& winner) {
  extremum<Real>(workspace, kind, x, y, winner.as<std::int32_t>());
}

template <class Real>
void ReferenceDevice<Real>::reduce_extremum_vjp(Workspace&, const Tensor& gy, const Tensor& winner, const Tensor& gx) {
  fill(gx, 0);
  const auto gys = gy.as<Real>();
  if (gx.type.elements() == 0) return;
  for (std::size_t o = 0; o < gys.size(); ++o) {
    const auto position = static_cast<std::size_t>(winner.as<std::int32_t>()[o]);
    gx.as<Real>()[first_candidate(gx.shape(), gy.shape(), o) + position] += gys[o];
  }
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
