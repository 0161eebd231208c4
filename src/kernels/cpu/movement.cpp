// Filling, copying and rearranging memory.
#include <algorithm>
#include <cstring>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/loops.h"

namespace mho::kernels {

namespace {

using CopyLoops = cpu::Loops<2>;  // x, y

bool is_blocked(const Tensor& tensor) { return tensor.type.layout == Layout::blocked; }

template <class T>
void copy_run(const T* x, std::int64_t step_x, T* y, std::int64_t step_y, std::int64_t n) {
  if (step_x == 1 && step_y == 1) {
    std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
  } else if (step_x == 0 && step_y == 1) {
    std::fill_n(y, n, *x);
  } else {
    for (std::int64_t i = 0; i < n; ++i) y[i * step_y] = x[i * step_x];
  }
}

template <class T>
void copy_as(int threads, const CopyLoops& loops, const std::byte* x, std::byte* y) {
  const T* const from = reinterpret_cast<const T*>(x);
  T* const to = reinterpret_cast<T*>(y);
  cpu::for_each_run(threads, loops, 1, [&](const auto& at, const auto& step, std::int64_t n) {
    copy_run(from + at[0], step[0], to + at[1], step[1], n);
  });
}

/// Copies elements of `size` bytes.
void copy_elements(int threads, const CopyLoops& loops, std::size_t size, const std::byte* x, std::byte* y) {
  switch (size) {
    case 1:
      return copy_as<std::uint8_t>(threads, loops, x, y);
    case 4:
      return copy_as<std::uint32_t>(threads, loops, x, y);
    default:
      return copy_as<std::uint64_t>(threads, loops, x, y);
  }
}

void add_elements(int threads, const CopyLoops& loops, const float* x, float* y) {
  cpu::for_each_run(threads, loops, 1, [&](const auto& at, const auto& step, std::int64_t n) {
    const float* const from = x + at[0];
    float* const to = y + at[1];
    if (step[0] == 1 && step[1] == 1) {
#pragma omp simd
      for (std::int64_t i = 0; i < n; ++i) to[i] += from[i];
    } else {
      for (std::int64_t i = 0; i < n; ++i) to[i * step[1]] += from[i * step[0]];
    }
  });
}

/// The loops of a region copy. Blocked channels are two axes: blocks, and `lanes` channels of each.
CopyLoops region_loops(const Shape& x, const Region& from, const Shape& y, const Region& to, const Shape& extents) {
  const auto steps_x = cpu::row_major_steps(x);
  const auto steps_y = cpu::row_major_steps(y);
  CopyLoops loops;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    loops.start[0] += from.start[axis] * steps_x[axis];
    loops.start[1] += to.start[axis] * steps_y[axis];
    loops.add(extents[axis], {from.step[axis] * steps_x[axis], to.step[axis] * steps_y[axis]});
  }
  return loops;
}

Shape blocked_shape(Shape shape) {
  shape[1] = (shape[1] + kChannelBlock - 1) / kChannelBlock;
  shape.push_back(kChannelBlock);
  return shape;
}

Region blocked_region(Region region) {
  region.start[1] /= kChannelBlock;
  region.start.push_back(0);
  region.step.push_back(1);
  return region;
}

/// At most two parts: the whole channel blocks, and the lanes of a last partial one.
std::vector<CopyLoops> copy_parts(const Tensor& x, const Region& from, const Tensor& y, const Region& to,
                                  const Shape& extents) {
  if (!is_blocked(x)) return {region_loops(x.shape(), from, y.shape(), to, extents)};
  const Shape shape_x = blocked_shape(x.shape());
  const Shape shape_y = blocked_shape(y.shape());
  Region start_x = blocked_region(from);
  Region start_y = blocked_region(to);
  const std::int64_t whole = extents[1] / kChannelBlock;
  Shape part = extents;
  part[1] = whole;
  part.push_back(kChannelBlock);
  std::vector<CopyLoops> parts;
  if (whole > 0) parts.push_back(region_loops(shape_x, start_x, shape_y, start_y, part));
  if (extents[1] % kChannelBlock != 0) {
    part[1] = 1;
    part.back() = extents[1] % kChannelBlock;
    start_x.start[1] += whole;
    start_y.start[1] += whole;
    parts.push_back(region_loops(shape_x, start_x, shape_y, start_y, part));
  }
  return parts;
}

/// Between layouts, for types that oneDNN does not know.
template <class T>
void relayout(const Tensor& x, const Tensor& y) {
  const bool to_blocked = is_blocked(y);
  const cpu::Images e = cpu::images_of(y.shape());
  const T* const from = reinterpret_cast<const T*>(x.data);
  T* const to = reinterpret_cast<T*>(y.data);
  for (std::int64_t n = 0; n < e.images; ++n) {
    for (std::int64_t c = 0; c < e.channels; ++c) {
      for (std::int64_t p = 0; p < e.points; ++p) {
        const std::int64_t plain = (n * e.channels + c) * e.points + p;
        const std::int64_t blocked =
            ((n * e.blocks() + c / kChannelBlock) * e.points + p) * kChannelBlock + c % kChannelBlock;
        if (to_blocked) {
          to[blocked] = from[plain];
        } else {
          to[plain] = from[blocked];
        }
      }
    }
  }
}

}  // namespace

void CpuDevice::fill(const Tensor& y, double value) {
  if (y.dtype() == DType::f32) {
    float* const to = y.as<float>().data();
    cpu::parallel_for(threads_, y.type.stored_elements(), 1, kChannelBlock, [&](std::int64_t begin, std::int64_t end) {
      std::fill(to + begin, to + end, static_cast<float>(value));
    });
  } else {
    ReferenceDevice<float>::fill(cpu::flattened(y), value);
  }
  cpu::zero_padding(y);
}

void CpuDevice::copy(Workspace& workspace, const Tensor& x, const Tensor& y) {
  if (x.dtype() != y.dtype()) {
    if (x.type.layout == y.type.layout) {
      return ReferenceDevice<float>::copy(workspace, cpu::flattened(x), cpu::flattened(y));
    }
    const Tensor converted = workspace.temporary({y.dtype(), x.shape(), x.type.layout});
    ReferenceDevice<float>::copy(workspace, cpu::flattened(x), cpu::flattened(converted));
    return copy(workspace, converted, y);
  }
  if (x.type.layout == y.type.layout) return copy_bytes(x.data, y.data, y.type.bytes());
  if (y.type.elements() == 0) return;
  if (y.dtype() == DType::f32) {
    const cpu::ScopedThreads threads(threads_);
    auto& reorder =
        workspace.slot<cpu::Call>([&] { return cpu::Call(engine_, cpu::describe(x.type), cpu::describe(y.type)); });
    return reorder.run(workspace, x.data, y.data);
  }
  switch (size_of(y.dtype())) {
    case 1:
      relayout<std::uint8_t>(x, y);
      break;
    case 4:
      relayout<std::uint32_t>(x, y);
      break;
    default:
      relayout<std::uint64_t>(x, y);
  }
  cpu::zero_padding(y);
}

void CpuDevice::copy_region(Workspace& workspace, const Tensor& x, const Region& from, const Tensor& y,
                            const Region& to, const Shape& extents, bool accumulate) {
  const auto& parts = workspace.slot<std::vector<CopyLoops>>([&] { return copy_parts(x, from, y, to, extents); });
  for (const CopyLoops& loops : parts) {
    if (accumulate && y.dtype() == DType::f32) {
      add_elements(threads_, loops, x.as<float>().data(), y.as<float>().data());
    } else if (accumulate) {
      throw Error(Code::kInternal, "copy_region on the CPU accumulates float32 only");
    } else {
      copy_elements(threads_, loops, size_of(y.dtype()), x.data, y.data);
    }
  }
}

void CpuDevice::transpose(Workspace& workspace, const Tensor& x, const Shape& permutation, const Tensor& y) {
  constexpr std::size_t kOneDnnAxes = 12;
  if (y.type.elements() == 0) return;
  if (y.dtype() == DType::f32 && y.rank() > 1 && y.rank() <= kOneDnnAxes) {
    const cpu::ScopedThreads threads(threads_);
    auto& reorder = workspace.slot<cpu::Call>([&] {
      const auto steps = cpu::row_major_steps(x.shape());
      dnnl::memory::dims permuted(y.rank());
      for (std::size_t axis = 0; axis < y.rank(); ++axis)
        permuted[axis] = steps[static_cast<std::size_t>(permutation[axis])];
      const dnnl::memory::desc from(y.shape(), dnnl::memory::data_type::f32, permuted);
      return cpu::Call(engine_, from, cpu::describe(y.type));
    });
    return reorder.run(workspace, x.data, y.data);
  }
  const auto& loops = workspace.slot<CopyLoops>([&] {
    const auto steps_x = cpu::row_major_steps(x.shape());
    const auto steps_y = cpu::row_major_steps(y.shape());
    CopyLoops result;
    for (std::size_t axis = 0; axis < y.rank(); ++axis) {
      result.add(y.dim(axis), {steps_x[static_cast<std::size_t>(permutation[axis])], steps_y[axis]});
    }
    return result;
  });
  copy_elements(threads_, loops, size_of(y.dtype()), x.data, y.data);
}

void CpuDevice::broadcast(Workspace& workspace, const Tensor& x, const Tensor& y) {
  const auto& loops = workspace.slot<CopyLoops>([&] {
    const auto steps_x = cpu::broadcast_steps(x.shape(), y.shape());
    const auto steps_y = cpu::row_major_steps(y.shape());
    CopyLoops result;
    for (std::size_t axis = 0; axis < y.rank(); ++axis) result.add(y.dim(axis), {steps_x[axis], steps_y[axis]});
    return result;
  });
  copy_elements(threads_, loops, size_of(y.dtype()), x.data, y.data);
}

}  // namespace mho::kernels
