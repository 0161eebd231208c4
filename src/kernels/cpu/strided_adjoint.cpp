// The adjoint of a strided convolution of few channels (first layers), as one dense convolution.
//
// With stride s, kernel K and padding p, element t = i + p of the padded input takes gy[o] w[k] for all s o + k = t.
// For t = s q + phase that is sum over m of gy[q - m] w[s m + phase]: a convolution of stride 1 with ceil(K / s)
// weights, another one for every phase. All phases together are one convolution whose output channels are (phase,
// channel), which fills the vector registers that the few channels of gx leave empty.
#include <algorithm>
#include <array>

#include "kernels/cpu/cpu_device.h"

namespace mho::kernels {

namespace {

constexpr std::int64_t kMostChannels = 32;  // of the dense convolution

struct Axis {
  std::int64_t extent = 1, stride = 1, pad = 0, kernel = 1;
  [[nodiscard]] std::int64_t taps() const { return (kernel + stride - 1) / stride; }
  [[nodiscard]] std::int64_t first() const { return pad / stride; }
  [[nodiscard]] std::int64_t last() const { return (pad + extent - 1) / stride; }
  [[nodiscard]] std::int64_t count() const { return last() - first() + 1; }
};

struct Phases {
  std::vector<Axis> axes;
  std::int64_t channels = 1;
  std::int64_t count = 1;
  ConvolutionAttributes dense;
  Shape weights;      // [count * channels, M, taps...]
  TensorType output;  // [N, count * channels, q...], blocked
};

/// Nothing where the tensors do not fit.
std::optional<Phases> find_phases(const ConvolutionAttributes& attributes, const Tensor& gy, const Shape& w,
                                  const Tensor& gx) {
  const Window& window = attributes.window;
  if (attributes.groups != 1 || gx.type.layout != Layout::plain || gy.type.layout != Layout::blocked) return {};
  Phases p;
  p.channels = gx.dim(1);
  p.weights = {0, w[0]};
  p.output = {DType::f32, {gx.dim(0), 0}, Layout::blocked};
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    const Axis axis{gx.dim(i + 2), window.strides[i], window.pads_begin[i], window.kernel[i]};
    const std::int64_t begin = axis.taps() - 1 - axis.first();
    const std::int64_t end = axis.last() - (gy.dim(i + 2) - 1);
    if (window.dilations[i] != 1 || begin < 0 || end < 0) return {};
    p.count *= axis.stride;
    p.dense.window.kernel.push_back(axis.taps());
    p.dense.window.strides.push_back(1);
    p.dense.window.dilations.push_back(1);
    p.dense.window.pads_begin.push_back(begin);
    p.dense.window.pads_end.push_back(end);
    p.weights.push_back(axis.taps());
    p.output.shape.push_back(axis.count());
    p.axes.push_back(axis);
  }
  if (p.count == 1 || p.count * p.channels > kMostChannels || gx.type.elements() == 0 || gy.type.elements() == 0) {
    return {};
  }
  p.weights[0] = p.output.shape[1] = p.count * p.channels;
  // One to three axes, as three.
  p.axes.insert(p.axes.begin(), 3 - p.axes.size(), Axis{});
  return p;
}

/// dense[(phase, c), m, j] = w[m, c, s (taps - 1 - j) + phase], 0 behind the kernel's end.
void spread_weights(const Phases& p, const Tensor& w, std::span<float> dense) {
  const Axis& a = p.axes[0];
  const Axis& b = p.axes[1];
  const Axis& c = p.axes[2];
  const std::int64_t filters = w.dim(0);
  const auto from = w.as<float>();
  std::size_t to = 0;
  const auto each = [](const Axis& axis, const auto& body) {
    for (std::int64_t i = 0; i < axis.stride; ++i) body(i);
  };
  const auto at = [](const Axis& axis, std::int64_t phase, std::int64_t j) {
    return axis.stride * (axis.taps() - 1 - j) + phase;
  };
  each(a, [&](std::int64_t pa) {
    each(b, [&](std::int64_t pb) {
      each(c, [&](std::int64_t pc) {
        for (std::int64_t channel = 0; channel < p.channels; ++channel) {
          for (std::int64_t m = 0; m < filters; ++m) {
            const std::int64_t base = (m * p.channels + channel) * a.kernel * b.kernel * c.kernel;
            for (std::int64_t ja = 0; ja < a.taps(); ++ja) {
              for (std::int64_t jb = 0; jb < b.taps(); ++jb) {
                for (std::int64_t jc = 0; jc < c.taps(); ++jc) {
                  const std::int64_t ka = at(a, pa, ja), kb = at(b, pb, jb), kc = at(c, pc, jc);
                  const bool inside = ka < a.kernel && kb < b.kernel && kc < c.kernel;
                  dense[to++] =
                      inside ? from[static_cast<std::size_t>(base + (ka * b.kernel + kb) * c.kernel + kc)] : 0.0F;
                }
              }
            }
          }
        }
      });
    });
  });
}

/// gx at (i0, i1, i2) is the output at (i + pad) / stride, in the channel of (i + pad) % stride.
void gather_phases(const Phases& p, int threads, const Tensor& output, const Tensor& gx) {
  const Axis& a = p.axes[0];
  const Axis& b = p.axes[1];
  const Axis& c = p.axes[2];
  const float* const from = output.as<float>().data();
  float* const to = gx.as<float>().data();
  const std::int64_t blocks = (p.count * p.channels + kChannelBlock - 1) / kChannelBlock;
  const std::int64_t rows = gx.dim(0) * p.channels * a.extent * b.extent;
  cpu::parallel_for(threads, rows, c.extent, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t tb = row % b.extent + b.pad;
      const std::int64_t ta = row / b.extent % a.extent + a.pad;
      const std::int64_t plane = row / (b.extent * a.extent);
      const std::int64_t image = plane / p.channels, channel = plane % p.channels;
      const std::int64_t q = ((ta / a.stride - a.first()) * b.count() + tb / b.stride - b.first()) * c.count();
      for (std::int64_t phase = 0; phase < c.stride; ++phase) {
        const std::int64_t index =
            ((ta % a.stride * b.stride + tb % b.stride) * c.stride + phase) * p.channels + channel;
        const float* const source =
            from + ((image * blocks + index / kChannelBlock) * a.count() * b.count() * c.count() + q) * kChannelBlock +
            index % kChannelBlock;
        // The first element with this phase.
        std::int64_t i = ((phase - c.pad) % c.stride + c.stride) % c.stride;
        for (std::int64_t k = (i + c.pad) / c.stride - c.first(); i < c.extent; i += c.stride, ++k) {
          to[row * c.extent + i] = source[k * kChannelBlock];
        }
      }
    }
  });
}

struct Prepared {
  std::optional<Phases> phases;
  std::vector<float> weights;
  const std::byte* spread_from = nullptr;
};

}  // namespace

bool CpuDevice::strided_adjoint(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& gy,
                                const Tensor& w, const Tensor& gx) {
  auto& prepared = workspace.slot<Prepared>([&] {
    Prepared result{find_phases(attributes, gy, w.shape(), gx), {}, nullptr};
    if (result.phases) result.weights.resize(static_cast<std::size_t>(element_count(result.phases->weights)));
    return result;
  });
  if (!prepared.phases) return false;
  const Phases& p = *prepared.phases;
  if (!w.constant || prepared.spread_from != w.data) {
    spread_weights(p, w, prepared.weights);
    prepared.spread_from = w.data;
  }
  const Tensor weights{{DType::f32, p.weights}, reinterpret_cast<std::byte*>(prepared.weights.data()), w.constant};
  const Tensor output = workspace.temporary(p.output);
  convolution(workspace, p.dense, gy, weights, output, {});
  gather_phases(p, threads_, output, gx);
  return true;
}

}  // namespace mho::kernels
