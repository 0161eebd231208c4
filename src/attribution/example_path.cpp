// The straight path of one example from its baseline to its input.
#include "attribution/example_path.h"

#include <algorithm>
#include <cmath>

#include "attribution/sums.h"

namespace mho::attribution {

double ExamplePath::alpha(std::int64_t k, std::int64_t count) const {
  if (k == 0 || k == count) return k == 0 ? 0 : 1;
  const double t = static_cast<double>(k) / static_cast<double>(count);
  return grading == kUniform ? t : grading * std::expm1(t * std::log1p(1 / grading));
}

void Reach::add(const kernels::Tensor& from, const kernels::Tensor& to) {
  const auto sum = [&](auto a, auto b) {
    at_baseline_ += sum_of(a.size(), [&](std::size_t i) { return std::abs(static_cast<double>(a[i])); });
    difference_ += sum_of(
        a.size(), [&](std::size_t i) { return std::abs(static_cast<double>(b[i]) - static_cast<double>(a[i])); });
  };
  if (from.dtype() == DType::f32) sum(from.as<float>(), to.as<float>());
  if (from.dtype() == DType::f64) sum(from.as<double>(), to.as<double>());
}

// Behind the first affine values the signs of v(alpha) = v' + alpha (v - v') change where alpha is about |v'| / |v -
// v'| = r, and most nonlinearities bend there: where biases are small beside what the input brings (r << 1), close to
// x'. Fitted on the networks of bench/captum: rho = r / 5 where r is small (MLP, transformer), points hardly graded
// from r = 1/2 on (ResNets).
double Reach::grading() const {
  constexpr double kLeast = 1e-3, kMost = 20;
  const double r = difference_ > 0 ? at_baseline_ / difference_ : kMost;
  const double rho = std::max({kLeast, r / 5, 40 * r * r * r});
  // Powers of 4: similar examples share their points.
  return rho < kMost ? std::exp2(2 * std::round(std::log2(rho) / 2)) : ExamplePath::kUniform;
}

}  // namespace mho::attribution
