// Elementwise verbs as plain loops, in both layouts.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include "kernels/reference/elements.h"
#include "kernels/reference/functions.h"
#include "kernels/reference/layout.h"
#include "kernels/reference/reference_device.h"

namespace mho::kernels {

namespace {

/// Functions that keep integers exact, whatever their size; false for the others.
template <class T>
bool integer_unary(const UnaryFunction& f, const Tensor& x, const Tensor& y) {
  const auto run = [&](const auto& function) {
    const std::int64_t count = y.type.stored_elements();
    for (std::int64_t i = 0; i < count; ++i) store(y.data, i, function(load<T>(x.data, i)));
    return true;
  };
  switch (f.kind) {
    case Unary::neg:
      return run([](T v) { return wrapping(T{0}, v, std::minus<>()); });
    case Unary::abs:
      return run([](T v) { return v < 0 ? wrapping(T{0}, v, std::minus<>()) : v; });
    case Unary::sign:
      return run([](T v) { return static_cast<T>(v > 0 ? 1 : (v < 0 ? -1 : 0)); });
    case Unary::relu:
      return run([](T v) { return v < 0 ? T{0} : v; });
    default:
      return false;
  }
}

[[noreturn]] void refuse(const Tensor& a, const Tensor& b, const Tensor& y) {
  throw Error(Code::kInternal, fmt::format("no elementwise function from {} and {} to {}", to_string(a.dtype()),
                                           to_string(b.dtype()), to_string(y.dtype())));
}

void read_real(const Tensor& x, std::int64_t first, std::span<double> values) {
  visit_dtype(x.dtype(), [&](auto type) {
    for (std::int64_t i = 0; i < std::ssize(values); ++i) {
      values[static_cast<std::size_t>(i)] = convert<double>(load<decltype(type)>(x.data, first + i));
    }
  });
}

void write_real(std::span<const double> values, const Tensor& y, std::int64_t first) {
  visit_dtype(y.dtype(), [&](auto type) {
    for (std::int64_t i = 0; i < std::ssize(values); ++i) {
      store(y.data, first + i, convert<decltype(type)>(values[static_cast<std::size_t>(i)]));
    }
  });
}

/// All other functions, by way of double. A few elements at a time, so that there is one loop for each function and
/// one for each type, not one for each function between two types.
void real_unary(const UnaryFunction& f, const Tensor& x, const Tensor& y) {
  const std::int64_t count = y.type.stored_elements();
  std::array<double, 256> values;
  visit_function(f, [&](const auto& function) {
    for (std::int64_t first = 0; first < count; first += std::ssize(values)) {
      const std::span<double> some(values.data(),
                                   static_cast<std::size_t>(std::min(count - first, std::ssize(values))));
      read_real(x, first, some);
      for (double& value : some) value = function(value);
      write_real(some, y, first);
    }
  });
}

// What does not depend on the device's real type is compiled once.

void binary_of(Binary f, const Tensor& a, const Tensor& b, const Tensor& y) {
  if (a.dtype() != b.dtype()) refuse(a, b, y);
  bool done = false;
  visit_dtype(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto run = [&](const auto& function) {
      using Result = decltype(function(T{}, T{}));
      if (y.dtype() != DTypeOf<Result>::value) return false;
      for_each_broadcast<2>(y, {&a, &b}, [&](std::int64_t k, const auto& at) {
        store(y.data, k, function(load<T>(a.data, at[0]), load<T>(b.data, at[1])));
      });
      return true;
    };
    done = visit_predicate<T>(f, run);
    if constexpr (!std::is_same_v<T, bool>) done = done || visit_arithmetic<T>(f, run);
  });
  if (!done) refuse(a, b, y);
  clear_padding(y);
}

void where_of(const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) {
  if (condition.dtype() != DType::b8 || a.dtype() != y.dtype() || b.dtype() != y.dtype()) refuse(a, b, y);
  visit_size(y.dtype(), [&](auto type) {
    using T = decltype(type);
    for_each_broadcast<3>(y, {&condition, &a, &b}, [&](std::int64_t k, const auto& at) {
      const T value = load<bool>(condition.data, at[0]) ? load<T>(a.data, at[1]) : load<T>(b.data, at[2]);
      store(y.data, k, value);
    });
  });
  clear_padding(y);
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::unary(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y) {
  assert(x.type.layout == y.type.layout && x.type.elements() == y.type.elements());
  bool done = false;
  if (x.dtype() == y.dtype() && x.dtype() == DType::i64) done = integer_unary<std::int64_t>(f, x, y);
  if (x.dtype() == y.dtype() && x.dtype() == DType::i32) done = integer_unary<std::int32_t>(f, x, y);
  if (!done) real_unary(f, x, y);
  clear_padding(y);
}

template <class Real>
void ReferenceDevice<Real>::unary_vjp(Workspace&, const UnaryFunction& f, const Tensor& x, const Tensor& y,
                                      const Tensor& gy, const Tensor& gx) {
  const auto gys = gy.as<Real>();
  const auto gxs = gx.as<Real>();
  const DerivativeReads reads = derivative_reads(f);
  // Where nothing is read, any memory does.
  const auto values = (reads == DerivativeReads::nothing ? gy : reads == DerivativeReads::y ? y : x).as<Real>();
  visit_derivative(f, [&](const auto& derivative) {
    for (std::size_t i = 0; i < gxs.size(); ++i) {
      gxs[i] = static_cast<Real>(static_cast<double>(gys[i]) * derivative(static_cast<double>(values[i])));
    }
  });
  clear_padding(gx);
}

template <class Real>
void ReferenceDevice<Real>::binary(Workspace&, Binary f, const Tensor& a, const Tensor& b, const Tensor& y) {
  binary_of(f, a, b, y);
}

template <class Real>
void ReferenceDevice<Real>::where(Workspace&, const Tensor& condition, const Tensor& a, const Tensor& b,
                                  const Tensor& y) {
  where_of(condition, a, b, y);
}

template <class Real>
void ReferenceDevice<Real>::add_into(Workspace&, const Tensor& x, const Tensor& y) {
  if (x.type != y.type || y.dtype() == DType::b8) refuse(x, x, y);
  visit_dtype(y.dtype(), [&](auto type) {
    using T = decltype(type);
    if constexpr (!std::is_same_v<T, bool>) {
      const std::int64_t count = y.type.stored_elements();
      for (std::int64_t i = 0; i < count; ++i) {
        store(y.data, i, wrapping(load<T>(y.data, i), load<T>(x.data, i), std::plus<>()));
      }
    }
  });
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
