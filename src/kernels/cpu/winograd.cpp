// When Winograd's algorithm (arXiv 1509.09308) does a 3 x 3 convolution in fewer multiplications, and pays.
//
// oneDNN has it forwards for AVX-512, at 1.3 to 2.1 times the speed of the direct kernels; its own backward kernels are
// slower, so the adjoint is run as what it is for stride 1: a convolution with the weights turned around.
#include "kernels/cpu/winograd.h"

#include <algorithm>

#include "kernels/cpu/cpu_device.h"

namespace mho::kernels {

namespace cpu {

bool winograd_pays(const ConvolutionAttributes& attributes, const TensorType& x, const TensorType& y) {
  const Window& window = attributes.window;
  const auto all = [](const Shape& values, std::int64_t wanted) {
    return std::ranges::all_of(values, [&](std::int64_t v) { return v == wanted; });
  };
  if (attributes.groups != 1 || window.kernel.size() != 2 || !all(window.kernel, 3) || !all(window.strides, 1) ||
      !all(window.dilations, 1) || !all(window.pads_begin, 1) || !all(window.pads_end, 1) ||
      x.layout != Layout::blocked || y.layout != Layout::blocked) {
    return false;
  }
  // By the shape of one example, so that results depend on neither batch nor threads. Tiles of 4 x 4 outputs; measured
  // on 1 and 2 cores with AVX-512 (oneDNN 2.6): few tiles or few channels lose, and so do wide weights, four times as
  // large as before, that few tiles share.
  const std::int64_t channels = std::min(x.shape[1], y.shape[1]);
  const std::int64_t tiles = ((y.shape[2] + 3) / 4) * ((y.shape[3] + 3) / 4);
  if (x.shape[1] % kChannelBlock != 0 || y.shape[1] % kChannelBlock != 0 || channels < 32) return false;
  return tiles >= (channels >= 64 ? channels / 16 : 16);
}

std::optional<ConvolutionAttributes> adjoint_convolution(const ConvolutionAttributes& attributes) {
  ConvolutionAttributes adjoint = attributes;
  Window& window = adjoint.window;
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    window.pads_begin[i] = window.kernel[i] - 1 - window.pads_begin[i];
    window.pads_end[i] = window.kernel[i] - 1 - window.pads_end[i];
    if (window.pads_begin[i] < 0 || window.pads_end[i] < 0) return {};
  }
  return adjoint;
}

void adjoint_weights(const Tensor& from, std::span<float> to) {
  const std::int64_t filters = from.dim(0), channels = from.dim(1);
  const std::int64_t window = element_count(from.shape()) / (filters * channels);
  const float* w = from.as<float>().data();
  for (std::int64_t m = 0; m < filters; ++m) {
    for (std::int64_t c = 0; c < channels; ++c, w += window) {
      std::reverse_copy(w, w + window, to.data() + (c * filters + m) * window);
    }
  }
}

}  // namespace cpu

namespace {

struct Prepared {
  std::optional<ConvolutionAttributes> adjoint;
  std::vector<float> weights;
  const std::byte* made_from = nullptr;
};

}  // namespace

bool CpuDevice::winograd_adjoint(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& gy,
                                 const Tensor& w, const Tensor& gx) {
  auto& prepared = workspace.slot<Prepared>([&]() -> Prepared {
    if (!options_.winograd || !w.constant || !cpu::winograd_pays(attributes, gy.type, gx.type)) return {};
    auto adjoint = cpu::adjoint_convolution(attributes);
    if (!adjoint) return {};
    // Without Winograd's algorithm the direct adjoint is as fast.
    const Shape shape{w.dim(1), w.dim(0), w.dim(2), w.dim(3)};
    if (convolution_implementation(*adjoint, gy.type, shape, gx.type, false).find("wino") == std::string::npos) {
      return {};
    }
    return {std::move(adjoint), std::vector<float>(static_cast<std::size_t>(element_count(shape))), nullptr};
  });
  if (!prepared.adjoint) return false;
  if (prepared.made_from != w.data) {
    cpu::adjoint_weights(w, prepared.weights);
    prepared.made_from = w.data;
  }
  const Tensor weights{{DType::f32, {w.dim(1), w.dim(0), w.dim(2), w.dim(3)}},
                       reinterpret_cast<std::byte*>(prepared.weights.data()),
                       true};
  convolution(workspace, *prepared.adjoint, gy, weights, gx, {});
  return true;
}

}  // namespace mho::kernels
