// When Winograd's algorithm does a convolution or its adjoint in x, and with which tiles.
//
// oneDNN has it too, but there rounding depends on batch and threads.
#include "kernels/cpu/winograd.h"

#include <algorithm>

#include "kernels/cpu/cpu_device.h"

namespace mho::kernels {

namespace cpu {

// Measured with AVX-512 on one core, against oneDNN's direct kernels, for 1 to 13 images: tiles of 4 x 4 take a third
// to a half of the time, of 2 x 2 half to 0.7. Transformed weights are 4 and 16 / 9 times as large as before. Where
// they do not stay in the second-level cache, they must serve many tiles: 256 channels at 14 x 14 are as fast with
// either, 512 channels at 7 x 7 with neither.
std::optional<Tile> winograd_tile(const ConvolutionAttributes& attributes, const TensorType& x, const TensorType& y) {
  constexpr std::int64_t kCachedWeights = 128 * 128, kTilesForWideWeights = 49, kWeightsPerSmallTile = 8192;
  const Window& window = attributes.window;
  const auto are = [](const Shape& values, std::int64_t wanted) {
    return std::ranges::all_of(values, [&](std::int64_t v) { return v == wanted; });
  };
  const auto pads = [](const Shape& values) { return std::ranges::all_of(values, [](auto v) { return v <= 2; }); };
  if (!has_winograd() || attributes.groups != 1 || window.kernel.size() != 2 || !are(window.kernel, 3) ||
      !are(window.strides, 1) || !are(window.dilations, 1) || !pads(window.pads_begin) || !pads(window.pads_end) ||
      x.layout != Layout::blocked || y.layout != Layout::blocked || x.shape[1] % kChannelBlock != 0 ||
      y.shape[1] % kChannelBlock != 0) {
    return {};
  }
  const auto tiles = [&](std::int64_t outputs) {
    return (y.shape[2] + outputs - 1) / outputs * ((y.shape[3] + outputs - 1) / outputs);
  };
  const std::int64_t weights = x.shape[1] * y.shape[1];
  if (weights == 0 || tiles(1) == 0) return {};
  if (weights <= kCachedWeights || tiles(4) >= kTilesForWideWeights) return Tile::four;
  if (weights <= kWeightsPerSmallTile * tiles(2)) return Tile::two;
  return {};
}

}  // namespace cpu

namespace {

struct Prepared {
  std::optional<cpu::WinogradConvolution> convolution;
  cpu::PackedWeights::Packed weights = {};
  const std::byte* made_from = nullptr;
};

Prepared prepare(const ConvolutionAttributes& attributes, const TensorType& from, const TensorType& to, bool adjoint) {
  const auto tile = cpu::winograd_tile(attributes, adjoint ? to : from, adjoint ? from : to);
  if (!tile) return {};
  const Window& window = attributes.window;
  const auto pad = [&](std::size_t axis) { return adjoint ? 2 - window.pads_begin[axis] : window.pads_begin[axis]; };
  return {cpu::WinogradConvolution{{from.shape[1], to.shape[1], *tile, adjoint},
                                   from.shape[0],
                                   from.shape[2],
                                   from.shape[3],
                                   to.shape[2],
                                   to.shape[3],
                                   pad(0),
                                   pad(1)}};
}

}  // namespace

bool CpuDevice::winograd(Workspace& workspace, const ConvolutionAttributes& attributes, bool adjoint, const Tensor& x,
                         const Tensor& w, const Tensor& y, const Epilogue& epilogue) {
  if (!options_.winograd || attributes.keep_ties || !w.constant) return false;
  auto& prepared = workspace.slot<Prepared>([&] { return prepare(attributes, x.type, y.type, adjoint); });
  if (!prepared.convolution) return false;
  const cpu::WinogradConvolution& convolution = *prepared.convolution;
  const cpu::WinogradWeights& weights = convolution.weights;
  if (prepared.made_from != w.data) {
    const TensorType packed{DType::f32, {weights.size()}};
    const std::int64_t variant = adjoint ? -2 : -1;  // the others are positive
    prepared.weights = packed_->find_or_pack(
        engine_, w.data, cpu::describe(w.type), cpu::describe(packed), variant,
        [&](void* to) { weights.transform(w.as<float>().data(), threads_, static_cast<float*>(to)); });
    prepared.made_from = w.data;
  }
  const int threads = cpu::threads_for(threads_, y.type.elements(), 9 * weights.channels);
  const Tensor scratch = workspace.temporary({DType::f32, {convolution.scratch_size(threads)}});
  const auto values = [](const Tensor* tensor) { return tensor == nullptr ? nullptr : tensor->as<float>().data(); };
  convolution.run({values(&x), static_cast<const float*>(prepared.weights->get_data_handle()), values(epilogue.bias),
                   values(epilogue.residual), epilogue.relu, values(&y), values(&scratch)},
                  threads);
  return true;
}

}  // namespace mho::kernels
