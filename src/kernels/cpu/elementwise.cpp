// One-input functions and sums, as vector loops. Functions that nobody needs fast fall back to the plain loops.
#include <cmath>
#include <numbers>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

template <class F>
MHO_VECTORISED void map(const F& f, const float* x, float* y, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

template <class F>
MHO_VECTORISED void map_vjp(const F& derivative, const float* v, const float* gy, float* gx, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) gx[i] = gy[i] * derivative(v[i]);
}

MHO_VECTORISED void add(const float* x, float* y, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) y[i] += x[i];
}

constexpr std::int64_t kCheap = 1;
constexpr std::int64_t kTranscendental = 16;

float to_float(double x) { return static_cast<float>(x); }

/// Calls visit(function, cost) with f as a function of a float; false where there is no fast one.
template <class Visit>
bool visit_function(const UnaryFunction& f, Visit&& visit) {
  const float alpha = to_float(f.alpha);
  const float beta = to_float(f.beta);
  const double a = f.alpha, b = f.beta;
  switch (f.kind) {
    case Unary::neg:
      return visit([](float x) { return -x; }, kCheap);
    case Unary::abs:
      return visit([](float x) { return std::abs(x); }, kCheap);
    case Unary::sqrt:
      return visit([](float x) { return std::sqrt(x); }, kCheap);
    case Unary::reciprocal:
      return visit([](float x) { return 1.0F / x; }, kCheap);
    case Unary::relu:
      return visit([](float x) { return x < 0.0F ? 0.0F : x; }, kCheap);
    case Unary::leaky_relu:
      return visit([=](float x) { return x < 0.0F ? alpha * x : x; }, kCheap);
    case Unary::thresholded_relu:
      return visit([=](float x) { return x <= alpha ? 0.0F : x; }, kCheap);
    case Unary::clip:
      return visit(
          [=](float x) {
            const float low = x < alpha ? alpha : x;
            return low > beta ? beta : low;
          },
          kCheap);
    case Unary::affine:
      return visit([=](float x) { return alpha * x + beta; }, kCheap);
    case Unary::exp:
      return visit([](float x) { return to_float(cpu::fast_exp(x)); }, kTranscendental);
    case Unary::log:
      return visit([](float x) { return to_float(cpu::fast_log(x)); }, kTranscendental);
    case Unary::sigmoid:
      return visit([](float x) { return to_float(cpu::fast_sigmoid(x)); }, kTranscendental);
    case Unary::tanh:
      return visit([](float x) { return to_float(cpu::fast_tanh(x)); }, kTranscendental);
    case Unary::softplus:
      return visit([](float x) { return to_float(cpu::fast_softplus(x)); }, kTranscendental);
    case Unary::erf:
      return visit([](float x) { return to_float(cpu::fast_erf(x)); }, kTranscendental);
    case Unary::gelu_erf:  // in float it would lose 2 ulp where x < 0
      return visit([=](float x) { return to_float(0.5 * x * cpu::fast_erfc(x * -a)); }, kTranscendental);
    case Unary::gelu_tanh:  // (1 + tanh u) / 2 = sigmoid(2u)
      return visit(
          [=](float value) {
            const double x = value;
            return to_float(x * cpu::fast_sigmoid(2.0 * x * (a + b * x * x)));
          },
          kTranscendental);
    case Unary::pow:
      if (a == 2.0) return visit([](float x) { return x * x; }, kCheap);
      if (a == 3.0) return visit([](float x) { return x * x * x; }, kCheap);
      return false;
    default:
      return false;
  }
}

/// Calls visit(derivative, cost, reads) with f' as a function of x or y; false where there is no fast one.
template <class Visit>
bool visit_derivative(const UnaryFunction& f, Visit&& visit) {
  const float alpha = to_float(f.alpha);
  const float beta = to_float(f.beta);
  const double a = f.alpha, b = f.beta;
  const bool of_y = derivative_reads(f) == DerivativeReads::y;
  const bool of_x = derivative_reads(f) == DerivativeReads::x;
  switch (f.kind) {
    case Unary::abs:
      return of_x && visit([](float x) { return x > 0.0F ? 1.0F : (x < 0.0F ? -1.0F : 0.0F); }, kCheap);
    case Unary::sqrt:
      return of_y && visit([](float y) { return 0.5F / y; }, kCheap);
    case Unary::reciprocal:
      return of_y && visit([](float y) { return -y * y; }, kCheap);
    case Unary::relu:  // the same of x and of y
      return visit([](float v) { return v > 0.0F ? 1.0F : 0.0F; }, kCheap);
    case Unary::leaky_relu:
      if (of_y && alpha < 0.0F) return false;
      return visit([=](float v) { return v > 0.0F ? 1.0F : alpha; }, kCheap);
    case Unary::thresholded_relu:
      return of_x && visit([=](float x) { return x > alpha ? 1.0F : 0.0F; }, kCheap);
    case Unary::clip:
      return of_x && visit([=](float x) { return x > alpha && x < beta ? 1.0F : 0.0F; }, kCheap);
    case Unary::exp:
      return of_y && visit([](float y) { return y; }, kCheap);
    case Unary::log:
      return of_x && visit([](float x) { return 1.0F / x; }, kCheap);
    case Unary::sigmoid:
      return of_y && visit([](float y) { return y * (1.0F - y); }, kCheap);
    case Unary::tanh:
      return of_y && visit([](float y) { return (1.0F - y) * (1.0F + y); }, kCheap);
    case Unary::softplus:
      return of_x && visit([](float x) { return to_float(cpu::fast_sigmoid(x)); }, kTranscendental);
    case Unary::erf:  // 2 / sqrt(pi) e^(-x^2)
      return of_x && visit(
                         [](float value) {
                           const double x = value;
                           return to_float(1.1283791670955126 * cpu::fast_exp(-x * x));
                         },
                         kTranscendental);
    case Unary::gelu_erf:
      return of_x && visit(
                         [=, c = to_float(a * a), k = to_float(a * std::numbers::inv_sqrtpi)](float x) {
                           const float gaussian = cpu::fast_gaussian(c, x);
                           return 0.5F * cpu::erfc_of_negative(alpha, x, gaussian) + k * x * gaussian;
                         },
                         kTranscendental);
    case Unary::gelu_tanh:  // s + x s (1 - s) 2 u', s = sigmoid(2u)
      return of_x && visit(
                         [=](float value) {
                           const double x = value;
                           const double s = cpu::fast_sigmoid(2.0 * x * (a + b * x * x));
                           return to_float(s + x * s * (1.0 - s) * 2.0 * (a + 3.0 * b * x * x));
                         },
                         kTranscendental);
    case Unary::pow:
      if (a == 2.0 && of_x) return visit([](float x) { return 2.0F * x; }, kCheap);
      if (a == 3.0 && of_x) return visit([](float x) { return 3.0F * x * x; }, kCheap);
      return false;
    default:
      return false;
  }
}

}  // namespace

void CpuDevice::unary(Workspace& workspace, const UnaryFunction& f, const Tensor& x, const Tensor& y) {
  const auto run = [&](const auto& function, std::int64_t cost) {
    const float* const from = x.as<float>().data();
    float* const to = y.as<float>().data();
    cpu::parallel_for(
        threads_, y.type.stored_elements(), cost, kChannelBlock,
        [&](std::int64_t begin, std::int64_t end) { map(function, from + begin, to + begin, end - begin); });
    return true;
  };
  const bool real = x.dtype() == DType::f32 && y.dtype() == DType::f32;
  if (!real || !visit_function(f, run)) {
    ReferenceDevice<float>::unary(workspace, f, cpu::flattened(x), cpu::flattened(y));
  }
  cpu::zero_padding(y);
}

void CpuDevice::unary_vjp(Workspace& workspace, const UnaryFunction& f, const Tensor& x, const Tensor& y,
                          const Tensor& gy, const Tensor& gx) {
  const auto run = [&](const auto& derivative, std::int64_t cost) {
    const float* const v = (derivative_reads(f) == DerivativeReads::y ? y : x).as<float>().data();
    const float* const from = gy.as<float>().data();
    float* const to = gx.as<float>().data();
    cpu::parallel_for(threads_, gx.type.stored_elements(), cost, kChannelBlock,
                      [&](std::int64_t begin, std::int64_t end) {
                        map_vjp(derivative, v + begin, from + begin, to + begin, end - begin);
                      });
    return true;
  };
  if (derivative_reads(f) == DerivativeReads::nothing) {
    UnaryFunction constant{Unary::affine, 0.0, 0.0};
    if (f.kind == Unary::neg) constant.alpha = -1.0;
    if (f.kind == Unary::affine) constant.alpha = f.alpha;
    if (f.kind == Unary::neg || f.kind == Unary::affine) return unary(workspace, constant, gy, gx);
  }
  if (!visit_derivative(f, run)) {
    ReferenceDevice<float>::unary_vjp(workspace, f, cpu::flattened(x), cpu::flattened(y), cpu::flattened(gy),
                                      cpu::flattened(gx));
  }
  cpu::zero_padding(gx);
}

void CpuDevice::add_into(Workspace& workspace, const Tensor& x, const Tensor& y) {
  if (y.dtype() != DType::f32) return ReferenceDevice<float>::add_into(workspace, x, y);
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  cpu::parallel_for(threads_, y.type.stored_elements(), 1, kChannelBlock,
                    [&](std::int64_t begin, std::int64_t end) { add(from + begin, to + begin, end - begin); });
}

}  // namespace mho::kernels
