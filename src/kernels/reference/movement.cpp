// Filling, converting and rearranging memory as plain loops.
#include <fmt/format.h>
#include <mho/error.h>

#include <cstring>

#include "kernels/reference/elements.h"
#include "kernels/reference/layout.h"
#include "kernels/reference/reference_device.h"

namespace mho::kernels {

namespace {

/// y[k] = x[offset of k by strides] in y's row-major order.
void gather_strided(const Tensor& x, const Shape& strides, const Tensor& y) {
  visit_size(y.dtype(), [&](auto type) {
    using T = decltype(type);
    std::int64_t k = 0;
    for_each_position<1>(y.shape(), {strides}, [&](const auto& at) { store(y.data, k++, load<T>(x.data, at[0])); });
  });
}

struct Box {
  std::int64_t start = 0;
  Shape strides;
};

Box box_of(const Shape& shape, const Region& region) {
  Box box{0, row_major_strides(shape)};
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    box.start += region.start[axis] * box.strides[axis];
    box.strides[axis] *= region.step[axis];
  }
  return box;
}

/// A tensor seen as [outer, extent, inner] around the axis that is gathered.
struct Axis {
  std::int64_t outer = 1;
  std::int64_t extent = 1;
  std::int64_t inner = 1;
};

Axis axis_of(const Shape& shape, std::int64_t axis) {
  Axis result;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    (at < axis ? result.outer : at == axis ? result.extent : result.inner) *= shape[i];
  }
  return result;
}

/// The indices, counted from the front and checked.
std::span<const std::int64_t> resolved(Workspace& workspace, const Tensor& indices, std::int64_t extent) {
  const auto result = workspace.numbers<std::int64_t>(static_cast<std::size_t>(indices.type.elements()), 0);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t given =
        indices.dtype() == DType::i64 ? load<std::int64_t>(indices.data, at) : load<std::int32_t>(indices.data, at);
    if (given < -extent || given >= extent) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("index {} of a gather is outside an axis of extent {}: indices must be in [{}, {})",
                              given, extent, -extent, extent));
    }
    result[i] = given < 0 ? given + extent : given;
  }
  return result;
}

}  // namespace

template <class Real>
void ReferenceDevice<Real>::fill(const Tensor& y, double value) {
  visit_dtype(y.dtype(), [&](auto type) {
    const auto element = convert<decltype(type)>(value);
    const std::int64_t count = y.type.stored_elements();
    for (std::int64_t i = 0; i < count; ++i) store(y.data, i, element);
  });
  clear_padding(y);
}

template <class Real>
void ReferenceDevice<Real>::copy(Workspace&, const Tensor& x, const Tensor& y) {
  assert(x.type.elements() == y.type.elements());
  if (x.type.layout == y.type.layout && x.dtype() == y.dtype()) {
    if (y.type.bytes() != 0) std::memmove(y.data, x.data, y.type.bytes());
    return;
  }
  visit_dtype(x.dtype(), [&](auto from) {
    visit_dtype(y.dtype(), [&](auto to) {
      const auto move = [&](std::int64_t at_x, std::int64_t at_y) {
        store(y.data, at_y, convert<decltype(to)>(load<decltype(from)>(x.data, at_x)));
      };
      if (x.type.layout == y.type.layout) {
        const std::int64_t count = y.type.stored_elements();
        for (std::int64_t i = 0; i < count; ++i) move(i, i);
      } else if (is_blocked(y)) {
        for_each_blocked(y.shape(),
                         [&](std::int64_t, std::int64_t blocked, std::int64_t plain) { move(plain, blocked); });
      } else {
        for_each_blocked(x.shape(),
                         [&](std::int64_t, std::int64_t blocked, std::int64_t plain) { move(blocked, plain); });
      }
    });
  });
  clear_padding(y);
}

template <class Real>
void ReferenceDevice<Real>::copy_region(Workspace&, const Tensor& x, const Region& from, const Tensor& y,
                                        const Region& to, const Shape& extents, bool accumulate) {
  if (is_blocked(x) || is_blocked(y) || x.dtype() != y.dtype() || (accumulate && !y.type.is_real())) {
    throw Error(Code::kInternal, fmt::format("copy_region takes plain tensors of one type, not {} and {}",
                                             to_string(x.dtype()), to_string(y.dtype())));
  }
  const Box box_x = box_of(x.shape(), from);
  const Box box_y = box_of(y.shape(), to);
  const auto walk = [&](const auto& move) {
    for_each_position<2>(extents, {box_x.strides, box_y.strides},
                         [&](const auto& at) { move(box_x.start + at[0], box_y.start + at[1]); });
  };
  if (!accumulate) {
    visit_size(y.dtype(), [&](auto type) {
      using T = decltype(type);
      walk([&](std::int64_t i, std::int64_t k) { store(y.data, k, load<T>(x.data, i)); });
    });
  } else if (y.dtype() == DType::f64) {
    walk([&](std::int64_t i, std::int64_t k) { store(y.data, k, load<double>(y.data, k) + load<double>(x.data, i)); });
  } else {
    walk([&](std::int64_t i, std::int64_t k) { store(y.data, k, load<float>(y.data, k) + load<float>(x.data, i)); });
  }
}

template <class Real>
void ReferenceDevice<Real>::transpose(Workspace&, const Tensor& x, const Shape& permutation, const Tensor& y) {
  const Shape own = row_major_strides(x.shape());
  Shape strides;
  for (const std::int64_t axis : permutation) strides.push_back(own[static_cast<std::size_t>(axis)]);
  gather_strided(x, strides, y);
}

template <class Real>
void ReferenceDevice<Real>::broadcast(Workspace&, const Tensor& x, const Tensor& y) {
  gather_strided(x, broadcast_strides(x.shape(), y.shape()), y);
}

template <class Real>
void ReferenceDevice<Real>::gather(Workspace& workspace, const Tensor& x, const Tensor& indices, std::int64_t axis,
                                   const Tensor& y) {
  const Axis around = axis_of(x.shape(), axis);
  const auto picks = resolved(workspace, indices, around.extent);
  if (y.type.elements() == 0) return;
  const std::size_t run = static_cast<std::size_t>(around.inner) * size_of(x.dtype());
  std::byte* to = y.data;
  for (std::int64_t outer = 0; outer < around.outer; ++outer) {
    for (const std::int64_t pick : picks) {
      std::memcpy(to, x.data + static_cast<std::size_t>(outer * around.extent + pick) * run, run);
      to += run;
    }
  }
}

template <class Real>
void ReferenceDevice<Real>::gather_vjp(Workspace& workspace, const Tensor& gy, const Tensor& indices, std::int64_t axis,
                                       const Tensor& gx) {
  const Axis around = axis_of(gx.shape(), axis);
  const auto picks = resolved(workspace, indices, around.extent);
  fill(gx, 0);
  if (gy.type.elements() == 0) return;
  const Real* from = gy.as<Real>().data();
  Real* const to = gx.as<Real>().data();
  for (std::int64_t outer = 0; outer < around.outer; ++outer) {
    for (const std::int64_t pick : picks) {
      Real* const row = to + (outer * around.extent + pick) * around.inner;
      for (std::int64_t inner = 0; inner < around.inner; ++inner) row[inner] += *from++;
    }
  }
}

template class ReferenceDevice<float>;
template class ReferenceDevice<double>;

}  // namespace mho::kernels
