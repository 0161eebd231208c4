// Integer results that both devices compute alike: which elements are largest, which write wins.
#include "kernels/ordering.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mho::kernels {

namespace {

/// NaN comes first, as in numpy and PyTorch: it must not be lost.
template <class T>
bool is_before(T a, T b, bool largest) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && !std::isnan(b);
  }
  return largest ? a > b : a < b;
}

template <class T>
void top_k_of(Workspace& workspace, const Tensor& x, std::int64_t axis, bool largest, const Tensor& positions) {
  const auto at = static_cast<std::size_t>(axis);
  const std::int64_t extent = x.dim(at), k = positions.dim(at);
  std::int64_t inner = 1;
  for (std::size_t i = at + 1; i < x.rank(); ++i) inner *= x.dim(i);
  const std::int64_t outer = extent * inner == 0 ? 0 : x.type.elements() / (extent * inner);
  const auto values = x.as<T>();
  const auto out = positions.as<std::int64_t>();
  const auto order = workspace.numbers<std::int64_t>(static_cast<std::size_t>(extent), 0);
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t i = 0; i < inner; ++i) {
      const auto value = [&](std::int64_t n) { return values[static_cast<std::size_t>((o * extent + n) * inner + i)]; };
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](std::int64_t a, std::int64_t b) {
        if (is_before(value(a), value(b), largest)) return true;
        return !is_before(value(b), value(a), largest) && a < b;
      });
      for (std::int64_t n = 0; n < k; ++n) {
        out[static_cast<std::size_t>((o * k + n) * inner + i)] = order[static_cast<std::size_t>(n)];
      }
    }
  }
}

}  // namespace

void find_top_k(Workspace& workspace, const Tensor& x, std::int64_t axis, bool largest, const Tensor& positions) {
  switch (x.dtype()) {
    case DType::f32:
      return top_k_of<float>(workspace, x, axis, largest, positions);
    case DType::f64:
      return top_k_of<double>(workspace, x, axis, largest, positions);
    case DType::i64:
      return top_k_of<std::int64_t>(workspace, x, axis, largest, positions);
    default:
      throw Error(Code::kInternal, "top_k needs numbers");
  }
}

void find_last_writer(const Tensor& indices, const Tensor& writer) {
  const auto out = writer.as<std::int64_t>();
  const auto rows = static_cast<std::int64_t>(out.size());
  std::ranges::fill(out, -1);
  std::int64_t k = 0;
  for (const std::int64_t index : indices.as<std::int64_t>()) {
    if (index < 0 || index >= rows) {
      throw Error(Code::kInvalidArgument, fmt::format("index {} of a scatter is outside its {} elements", index, rows));
    }
    out[static_cast<std::size_t>(index)] = k++;
  }
}

}  // namespace mho::kernels
