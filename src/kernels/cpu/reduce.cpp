// Sums and means in double: along contiguous runs, or of whole runs at once. Other reductions are the plain loops.
#include <algorithm>
#include <array>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

namespace {

MHO_VECTORISED double sum_run(const float* x, std::int64_t n) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  return sum;
}

MHO_VECTORISED void add_run(const float* x, double* sums, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) sums[i] += x[i];
}

struct Reduction {
  cpu::Loops<2> kept;       ///< x, y
  cpu::Loops<1> reduced;    ///< x
  bool contiguous = false;  ///< the innermost axis is a reduced one
  std::int64_t count = 1;
};

Reduction reduction_of(const Shape& x, const Shape& y) {
  const auto steps_x = cpu::row_major_steps(x);
  const auto steps_y = cpu::row_major_steps(y);
  Reduction r;
  for (std::size_t axis = 0; axis < x.size(); ++axis) {
    if (x[axis] == 1) continue;
    r.contiguous = y[axis] == 1;
    if (r.contiguous) {
      r.reduced.add(x[axis], {steps_x[axis]});
    } else {
      r.kept.add(x[axis], {steps_x[axis], steps_y[axis]});
    }
  }
  r.count = r.reduced.elements();
  return r;
}

double sum_contiguous(const cpu::Loops<1>& reduced, const float* x) {
  const std::size_t outer = reduced.extents.size() - 1;
  const std::int64_t inner = reduced.extents.back();
  cpu::Odometer<1> rows(reduced, outer, 0);
  double sum = 0;
  for (std::int64_t row = reduced.elements() / inner; row > 0; --row, rows.advance()) {
    sum += sum_run(x + rows.offsets()[0], inner);
  }
  return sum;
}

/// y[0..n) = scale * the sums over `reduced` of x[0..n).
void sum_strided(const cpu::Loops<1>& reduced, const float* x, double scale, float* y, std::int64_t n) {
  std::array<double, 512> sums;
  const auto tile = static_cast<std::int64_t>(sums.size());
  for (std::int64_t begin = 0; begin < n; begin += tile) {
    const std::int64_t width = std::min(tile, n - begin);
    std::fill_n(sums.begin(), width, 0.0);
    cpu::Odometer<1> rows(reduced, reduced.extents.size(), 0);
    for (std::int64_t row = reduced.elements(); row > 0; --row, rows.advance()) {
      add_run(x + begin + rows.offsets()[0], sums.data(), width);
    }
    for (std::int64_t i = 0; i < width; ++i) {
      y[begin + i] = static_cast<float>(scale * sums[static_cast<std::size_t>(i)]);
    }
  }
}

}  // namespace

void CpuDevice::reduce(Workspace& workspace, ReduceKind kind, const Tensor& x, const Tensor& y) {
  const bool is_sum = kind == ReduceKind::sum || kind == ReduceKind::mean;
  if (!is_sum || x.dtype() != DType::f32 || x.type.elements() == 0) {
    return ReferenceDevice<float>::reduce(workspace, kind, x, y);
  }
  const auto& r = workspace.slot<Reduction>([&] { return reduction_of(x.shape(), y.shape()); });
  const double scale = kind == ReduceKind::mean ? 1.0 / static_cast<double>(r.count) : 1.0;
  const float* const from = x.as<float>().data();
  float* const to = y.as<float>().data();
  cpu::for_each_run(threads_, r.kept, r.count, [&](const auto& at, const auto& step, std::int64_t n) {
    if (!r.contiguous) {
      sum_strided(r.reduced, from + at[0], scale, to + at[1], n);
      return;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      to[at[1] + i * step[1]] = static_cast<float>(scale * sum_contiguous(r.reduced, from + at[0] + i * step[0]));
    }
  });
}

}  // namespace mho::kernels
