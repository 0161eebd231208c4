// DeepLIFT multipliers of what is not linear (arXiv 1704.02685; MATHS.md section 3), as plain loops in double.
#include "kernels/reference/multipliers.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/reference/elements.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/layout.h"
#include "kernels/reference/reference_device.h"
#include "kernels/reference/strides.h"

namespace mho::kernels {

namespace {

double element(const Tensor& t, std::int64_t i) {
  double value = 0;
  visit_dtype(t.dtype(), [&](auto type) { value = convert<double>(load<decltype(type)>(t.data, i)); });
  return value;
}

double finite_or_zero(double m) { return std::isfinite(m) ? m : 0; }

/// f(a, b) of numbers; booleans are 0 and 1.
double apply(Binary f, double a, double b) {
  double y = 0;
  const auto set = [&](const auto& function) {
    y = static_cast<double>(function(a, b));
    return true;
  };
  if (!visit_arithmetic<double>(f, set)) visit_predicate<double>(f, set);
  return y;
}

/// df/da (i = 0) or df/db (i = 1) at (a, b); steps have none, kinks half of both sides.
double partial(Binary f, int i, double a, double b) {
  const double own = i == 0 ? a : b;
  const double other = i == 0 ? b : a;
  switch (f) {
    case Binary::add:
      return 1;
    case Binary::sub:
      return i == 0 ? 1 : -1;
    case Binary::mul:
      return other;
    case Binary::div:
      return i == 0 ? 1 / b : -a / (b * b);
    case Binary::pow:
      if (i == 0) return b == 0 ? 0 : b * std::pow(a, b - 1);
      return a > 0 ? std::pow(a, b) * std::log(a) : 0;
    case Binary::max:
      return own > other ? 1 : (own == other ? 0.5 : 0);
    case Binary::min:
      return own < other ? 1 : (own == other ? 0.5 : 0);
    case Binary::mod:
      return i == 0 ? 1 : -std::floor(a / b);
    case Binary::fmod:
      return i == 0 ? 1 : -std::trunc(a / b);
    default:
      return 0;
  }
}

// The mean over the two orders in which a and b can move from the reference: C_a = [f(a,b') - f(a',b') + f(a,b) -
// f(a',b)] / 2. For a product that is the symmetric split.
template <class Real>
double binary_multiplier(Binary f, int i, double a, double b, double ra, double rb) {
  if (f == Binary::div) return finite_or_zero(i == 0 ? (1 / b + 1 / rb) / 2 : -(a + ra) / (2 * b * rb));
  const double own = i == 0 ? a : b;
  const double reference = i == 0 ? ra : rb;
  const double y = apply(f, a, b);
  const double ry = apply(f, ra, rb);
  if (std::abs(own - reference) <= smallest_delta<Real>(own, reference, y, ry)) {
    const double middle = (own + reference) / 2;
    return finite_or_zero(i == 0 ? (partial(f, i, middle, b) + partial(f, i, middle, rb)) / 2
                                 : (partial(f, i, a, middle) + partial(f, i, ra, middle)) / 2);
  }
  const double contribution =
      i == 0 ? (apply(f, a, rb) - ry + y - apply(f, ra, b)) / 2 : (apply(f, ra, b) - ry + y - apply(f, a, rb)) / 2;
  return contribution / (own - reference);
}

/// Logarithmic mean of e^u and e^v: (e^u - e^v) / (u - v).
double logarithmic_mean(double u, double v) {
  if (u == v) return std::exp(u);
  const double d = u - v;
  if (std::abs(d) > 1) return (std::exp(u) - std::exp(v)) / d;
  return std::exp((u + v) / 2) * std::sinh(d / 2) / (d / 2);
}

/// Calls f(first element, stride, count) for every line along `axis`.
template <class F>
void for_each_line(const Shape& shape, std::int64_t axis, F&& f) {
  std::int64_t inner = 1;
  for (std::size_t i = static_cast<std::size_t>(axis) + 1; i < shape.size(); ++i) inner *= shape[i];
  const std::int64_t count = shape[static_cast<std::size_t>(axis)];
  if (element_count(shape) == 0) return;
  const std::int64_t outer = element_count(shape) / (count * inner);
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) f(o * count * inner + i, inner, count);
  }
}

template <class Real>
double log_sum_exp(const Real* x, std::int64_t stride, std::int64_t count) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t k = 0; k < count; ++k) most = std::max(most, static_cast<double>(x[k * stride]));
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += std::exp(static_cast<double>(x[k * stride]) - most);
  return most + std::log(sum);
}

// log_softmax = x - lse(x). lse is log of sum of exp, each passed by Rescale: w_j = d lse / d x_j of the two runs is
// L(e^x_j, e^x'_j) / L(S, S') with the logarithmic mean L and S = e^lse; both may be scaled by one factor.
// softmax = exp(log_softmax): each element is passed by Rescale once more, with rho_i = L(y_i, y'_i).
template <class Real>
void softmax_line(bool log, const Real* x, const Real* rx, const Real* my, Real* mx, std::int64_t stride,
                  std::int64_t count) {
  const double lse = log_sum_exp(x, stride, count);
  const double rlse = log_sum_exp(rx, stride, count);
  const double shift = std::max(lse, rlse);
  const double scale = logarithmic_mean(lse - shift, rlse - shift);
  const auto masked = [&](std::int64_t k) { return std::isinf(x[k]) && std::isinf(rx[k]); };
  const auto through_exp = [&](std::int64_t k) {
    const double m = static_cast<double>(my[k]);
    if (log) return m;
    return masked(k) ? 0 : m * logarithmic_mean(static_cast<double>(x[k]) - lse, static_cast<double>(rx[k]) - rlse);
  };
  double sum = 0;
  for (std::int64_t k = 0; k < count * stride; k += stride) sum += through_exp(k);
  for (std::int64_t k = 0; k < count * stride; k += stride) {
    const double w =
        masked(k) ? 0 : logarithmic_mean(static_cast<double>(x[k]) - shift, static_cast<double>(rx[k]) - shift) / scale;
    mx[k] = static_cast<Real>(through_exp(k) - w * sum);
  }
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::unary_multipliers(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx,
                                              const Tensor& y, const Tensor& ry, const Tensor& my, const Tensor& mx) {
  const auto from = my.as<Real>();
  const auto to = mx.as<Real>();
  const auto value = [&](const Tensor& t, const Tensor& of, std::int64_t k) {
    if (multipliers_read_y(f)) return element(t, k);
    double result = 0;
    visit_function(f, [&](const auto& function) { result = function(element(of, k)); });
    return result;
  };
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    if (from[i] == 0) {
      to[i] = 0;
      continue;
    }
    const double m = rescale<Real>(f, element(x, k), element(rx, k), value(y, x, k), value(ry, rx, k));
    to[i] = static_cast<Real>(static_cast<double>(from[i]) * m);
  }
}

template <class Real>
void ReferenceDevice<Real>::reveal_cancel(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& rx,
                                          const Tensor& change, const Tensor& my, const Tensor& even,
                                          const Tensor& odd) {
  for (std::size_t i = 0; i < my.as<Real>().size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    const auto m = static_cast<double>(my.as<Real>()[i]);
    const RevealCancelParts parts =
        m == 0 ? RevealCancelParts{}
               : kernels::reveal_cancel<Real>(f, element(x, k), element(rx, k), element(change, k));
    even.as<Real>()[i] = static_cast<Real>(m * parts.even);
    odd.as<Real>()[i] = static_cast<Real>(m * parts.odd);
  }
}

template <class Real>
void ReferenceDevice<Real>::binary_multipliers(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& ra,
                                               const Tensor& rb, const Tensor& my, const Tensor& ma, const Tensor& mb) {
  for_each_broadcast<2>(my, {&a, &b}, [&](std::int64_t k, const auto& at) {
    const auto i = static_cast<std::size_t>(k);
    const double va = element(a, at[0]), vb = element(b, at[1]), wa = element(ra, at[0]), wb = element(rb, at[1]);
    const auto m = static_cast<double>(my.as<Real>()[i]);
    if (!ma.empty()) ma.as<Real>()[i] = static_cast<Real>(m * binary_multiplier<Real>(f, 0, va, vb, wa, wb));
    if (!mb.empty()) mb.as<Real>()[i] = static_cast<Real>(m * binary_multiplier<Real>(f, 1, va, vb, wa, wb));
  });
}

template <class Real>
void ReferenceDevice<Real>::pool_max_multipliers(Workspace&, const Window&, const Tensor& x, const Tensor& rx,
                                                 const Tensor& winner, const Tensor& rwinner, const Tensor& my,
                                                 const Tensor& mx) {
  fill(mx, 0);
  const std::int64_t planes = mx.dim(0) * mx.dim(1);
  if (planes == 0 || my.type.elements() == 0) return;
  const std::int64_t in = mx.type.elements() / planes;
  const std::int64_t out = my.type.elements() / planes;
  const auto p = winner.as<std::int32_t>();
  const auto q = rwinner.as<std::int32_t>();
  for (std::int64_t o = 0; o < planes * out; ++o) {
    const auto i = static_cast<std::size_t>(o);
    if (p[i] < 0) continue;
    const std::int64_t plane = o / out * in;
    add_extremum<Real>(1, x.as<Real>().data() + plane, rx.as<Real>().data() + plane, p[i], q[i],
                       static_cast<double>(my.as<Real>()[i]), mx.as<Real>().data() + plane);
  }
}

template <class Real>
void ReferenceDevice<Real>::reduce_extremum_multipliers(Workspace&, Extremum kind, const Tensor& x, const Tensor& rx,
                                                        const Tensor& winner, const Tensor& rwinner, const Tensor& my,
                                                        const Tensor& mx) {
  fill(mx, 0);
  if (mx.type.elements() == 0) return;
  const double sign = kind == Extremum::max ? 1 : -1;
  const auto from = my.as<Real>();
  for (std::size_t o = 0; o < from.size(); ++o) {
    const std::size_t first = first_candidate(x.shape(), my.shape(), o);
    add_extremum<Real>(sign, x.as<Real>().data() + first, rx.as<Real>().data() + first, winner.as<std::int32_t>()[o],
                       rwinner.as<std::int32_t>()[o], static_cast<double>(from[o]), mx.as<Real>().data() + first);
  }
}

// Factors move one after the other, in the order of their positions and in the opposite one; the mean of both is
// symmetric for two factors: m_i = [prod_{j<i} x_j prod_{j>i} x'_j + prod_{j<i} x'_j prod_{j>i} x_j] / 2.
template <class Real>
void ReferenceDevice<Real>::reduce_prod_multipliers(Workspace& workspace, const Tensor& x, const Tensor& rx,
                                                    const Tensor& my, const Tensor& mx) {
  const auto outputs = static_cast<std::size_t>(my.type.elements());
  const std::size_t each = outputs == 0 ? 0 : static_cast<std::size_t>(x.type.elements()) / outputs;
  const auto factors = workspace.numbers<std::size_t>(outputs * each, 0);
  const auto found = workspace.numbers<std::size_t>(outputs, 0);
  // Products of all factors behind a position, at x and at the reference.
  const auto behind = workspace.numbers<double>(each + 1, 1);
  const auto rbehind = workspace.numbers<double>(each + 1, 1);
  for_each_position<2>(x.shape(), {row_major_strides(x.shape()), broadcast_strides(my.shape(), x.shape())},
                       [&](const auto& at) {
                         const auto o = static_cast<std::size_t>(at[1]);
                         factors[o * each + found[o]++] = static_cast<std::size_t>(at[0]);
                       });
  const auto v = x.as<Real>();
  const auto r = rx.as<Real>();
  for (std::size_t o = 0; o < outputs; ++o) {
    const auto line = factors.subspan(o * each, each);
    for (std::size_t i = line.size(); i-- > 0;) {
      behind[i] = behind[i + 1] * static_cast<double>(v[line[i]]);
      rbehind[i] = rbehind[i + 1] * static_cast<double>(r[line[i]]);
    }
    double before = 1, rbefore = 1;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const double m = (before * rbehind[i + 1] + rbefore * behind[i + 1]) / 2;
      mx.as<Real>()[line[i]] = static_cast<Real>(static_cast<double>(my.as<Real>()[o]) * m);
      before *= static_cast<double>(v[line[i]]);
      rbefore *= static_cast<double>(r[line[i]]);
    }
  }
}

template <class Real>
void ReferenceDevice<Real>::softmax_multipliers(Workspace&, bool log, const Tensor& x, const Tensor& rx,
                                                std::int64_t axis, const Tensor& my, const Tensor& mx) {
  for_each_line(x.shape(), axis, [&](std::int64_t first, std::int64_t stride, std::int64_t count) {
    softmax_line(log, x.as<Real>().data() + first, rx.as<Real>().data() + first, my.as<Real>().data() + first,
                 mx.as<Real>().data() + first, stride, count);
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
