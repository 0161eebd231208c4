// Convolution and its adjoint in x in bfloat16, on AMX tiles: operands are rounded to bfloat16, sums stay float32.
//
// oneDNN's AMX kernels want channels last, our tensors are in blocks of 16 channels. So x is copied once (rounding and
// layout in one reorder), and sums are copied back into blocks with bias, residual and ReLU on the way. Measured on
// ResNet-50's layers (Sapphire Rapids, oneDNN 2.6, four images, one thread), copies included: forward 56 instead of 155
// ms, backward 67 instead of 154. AVX512_BF16 kernels without AMX take the blocked layout but need 279 and 270 ms on
// the same machine: they are not used.
#include <algorithm>
#include <array>
#include <limits>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/vector_math.h"

namespace mho::kernels {

using cpu::Call;
using cpu::ConvolutionShape;
using dnnl::memory;

namespace {

memory::desc channels_last(const Shape& shape, memory::data_type type) {
  using Tag = memory::format_tag;
  constexpr std::array kTags{Tag::nwc, Tag::nhwc, Tag::ndhwc};
  return {shape, type, kTags.at(shape.size() - 3)};
}

/// Multiply-adds that save as much time as copying one element of the input, and of the output, takes; and those of
/// the smallest convolution that is worth the calls.
constexpr std::int64_t kPerInput = 32;
constexpr std::int64_t kPerOutput = 64;
constexpr std::int64_t kLeast = cpu::kParallelMultiplyAdds;

/// Where bfloat16 may be used at all, and pays. `from` is what is read, `to` what is written: x and y or the other way
/// round.
bool is_worthwhile(const ConvolutionAttributes& attributes, const Tensor& from, const Tensor& w, const Tensor& to,
                   const Tensor& y) {
  if (attributes.groups != 1 || !w.constant) return false;
  for (const Tensor* tensor : {&from, &to}) {
    if (tensor->type.layout != Layout::blocked || tensor->dim(1) % kChannelBlock != 0) return false;
  }
  if (w.type.elements() == 0 || y.type.elements() == 0 || from.type.elements() == 0) return false;
  const std::int64_t multiply_adds = y.type.elements() * (w.type.elements() / w.dim(0));
  return multiply_adds >= kLeast && multiply_adds > kPerInput * from.type.elements() + kPerOutput * to.type.elements();
}

/// What comes behind the sums; null for nothing.
struct Ending {
  const float* bias;
  const float* residual;
  bool relu;
};

/// Blocks of one image's points [begin, end) from channels-last sums. `blocked` and the residual begin at the image.
MHO_VECTORISED void to_blocks(const float* sums, std::int64_t begin, std::int64_t end, std::int64_t points,
                              std::int64_t channels, const Ending& ending, float* blocked) {
  for (std::int64_t c = 0; c < channels; c += kChannelBlock) {
    std::array<float, kChannelBlock> bias{};
    if (ending.bias != nullptr) std::copy_n(ending.bias + c, kChannelBlock, bias.begin());
    const float floor = ending.relu ? 0.0F : -std::numeric_limits<float>::infinity();
    for (std::int64_t p = begin; p < end; ++p) {
      const float* const in = sums + p * channels + c;
      const std::int64_t at = c * points + p * kChannelBlock;
      float* const out = blocked + at;
      if (ending.residual != nullptr) {
        const float* const residual = ending.residual + at;
        for (std::size_t i = 0; i < kChannelBlock; ++i) {
          const float value = in[i] + bias[i] + residual[i];
          out[i] = value < floor ? floor : value;
        }
      } else {
        for (std::size_t i = 0; i < kChannelBlock; ++i) {
          const float value = in[i] + bias[i];
          out[i] = value < floor ? floor : value;
        }
      }
    }
  }
}

void to_blocks(int threads, const float* sums, const Tensor& y, const Epilogue& epilogue) {
  const std::int64_t channels = y.dim(1);
  const std::int64_t points = y.type.elements() / (y.dim(0) * channels);
  constexpr std::int64_t kTile = 32;  // points whose sums stay in the first cache while their blocks are written
  const std::int64_t tiles = (points + kTile - 1) / kTile;
  float* const blocked = y.as<float>().data();
  const float* const residual = epilogue.residual != nullptr ? epilogue.residual->as<float>().data() : nullptr;
  const float* const bias = epilogue.bias != nullptr ? epilogue.bias->as<float>().data() : nullptr;
  cpu::parallel_for(threads, y.dim(0) * tiles, kTile * channels, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t tile = first; tile < last; ++tile) {
      const std::int64_t image = tile / tiles * points * channels;
      const std::int64_t begin = tile % tiles * kTile;
      const Ending ending{bias, residual != nullptr ? residual + image : nullptr, epilogue.relu};
      to_blocks(sums + image, begin, std::min(points, begin + kTile), points, channels, ending, blocked + image);
    }
  });
}

/// One call site.
struct Prepared {
  bool possible = false;
  Call call;
  Call round;  ///< what is read, to bfloat16 and channels last
  Call pack;
  memory::desc from, to, plain_weights, weights;
  const std::byte* packed_from = nullptr;
  cpu::PackedWeights::Packed packed;

  /// Packed once, as for float32: the descriptors tell the types apart.
  const void* pack_weights(Workspace& workspace, const dnnl::engine& engine, cpu::PackedWeights& cache,
                           const Tensor& w) {
    if (packed_from != w.data) {
      packed = cache.find_or_pack(engine, w.data, plain_weights, weights, 0,
                                  [&](void* memory) { pack.run(workspace, w.data, memory); });
      packed_from = w.data;
    }
    return packed->get_data_handle();
  }
};

ConvolutionShape shape_of(const ConvolutionAttributes& attributes, const memory::desc& x, const Shape& w,
                          const memory::desc& y) {
  const Window& window = attributes.window;
  ConvolutionShape shape{x,
                         {w, memory::data_type::bf16, memory::format_tag::any},
                         {},
                         y,
                         window.strides,
                         window.dilations,
                         window.pads_begin,
                         window.pads_end};
  for (auto& dilation : shape.dilates) --dilation;
  return shape;
}

/// Empty where oneDNN has no AMX kernel, or no reorder into what it wants.
template <class Primitive, class Description>
Prepared prepare(const dnnl::engine& engine, const Description& pd, const memory::desc& from, const memory::desc& to,
                 const Tensor& read, const Tensor& w, int argument_from, int argument_to) try {
  if (!pd || !cpu::uses_amx(pd.impl_info_str())) return {};
  Prepared p;
  p.call = Call(engine, Primitive(pd), pd.scratchpad_desc());
  p.from = from;
  p.to = to;
  p.weights = pd.weights_desc();
  p.plain_weights = cpu::describe({DType::f32, w.shape(), Layout::plain});
  p.round = Call(engine, cpu::describe(read.type), from);
  p.pack = Call(engine, p.plain_weights, p.weights);
  p.call.declare(DNNL_ARG_WEIGHTS, p.weights);
  p.call.declare(argument_from, from);
  p.call.declare(argument_to, to);
  p.possible = true;
  return p;
} catch (const dnnl::error&) {
  return {};
}

Prepared prepare_forward(const dnnl::engine& engine, const ConvolutionAttributes& attributes, const Tensor& x,
                         const Tensor& w, const Tensor& y) {
  const memory::desc from = channels_last(x.shape(), memory::data_type::bf16);
  const memory::desc to = channels_last(y.shape(), memory::data_type::f32);
  const auto pd =
      cpu::convolution_forward_pd(engine, shape_of(attributes, from, w.shape(), to), cpu::with_user_scratchpad());
  return prepare<dnnl::convolution_forward>(engine, pd, from, to, x, w, DNNL_ARG_SRC, DNNL_ARG_DST);
}

Prepared prepare_backward(const dnnl::engine& engine, const ConvolutionAttributes& attributes, const Tensor& gy,
                          const Tensor& w, const Tensor& gx) {
  const memory::desc from = channels_last(gy.shape(), memory::data_type::bf16);
  const memory::desc to = channels_last(gx.shape(), memory::data_type::f32);
  const memory::desc rounded_x = channels_last(gx.shape(), memory::data_type::bf16);
  const auto pd =
      cpu::convolution_backward_pd(engine, shape_of(attributes, to, w.shape(), from),
                                   shape_of(attributes, rounded_x, w.shape(), from), cpu::with_user_scratchpad());
  return prepare<dnnl::convolution_backward_data>(engine, pd, from, to, gy, w, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_SRC);
}

}  // namespace

bool cpu_has_bfloat16() {
  constexpr auto kAmx = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_amx);
  return (static_cast<unsigned>(dnnl::get_effective_cpu_isa()) & kAmx) == kAmx;
}

bool CpuDevice::bfloat16_convolution(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& x,
                                     const Tensor& w, const Tensor& y, const Epilogue& epilogue) {
  if (!bfloat16_ || !is_worthwhile(attributes, x, w, y, y)) return false;
  const cpu::ScopedThreads threads(threads_);
  auto& p = workspace.slot<Prepared>([&] { return prepare_forward(engine_, attributes, x, w, y); });
  if (!p.possible) return false;
  p.call.set(DNNL_ARG_WEIGHTS, p.pack_weights(workspace, engine_, *packed_, w));
  float* const rounded = cpu::temporary(workspace, p.from);
  float* const sums = cpu::temporary(workspace, p.to);
  p.round.run(workspace, x.data, rounded);
  p.call.set(DNNL_ARG_SRC, rounded);
  p.call.set(DNNL_ARG_DST, sums);
  p.call.run(workspace);
  to_blocks(threads_, sums, y, epilogue);
  return true;
}

bool CpuDevice::bfloat16_convolution_vjp_data(Workspace& workspace, const ConvolutionAttributes& attributes,
                                              const Tensor& gy, const Tensor& w, const Tensor& gx) {
  if (!bfloat16_ || !is_worthwhile(attributes, gy, w, gx, gy)) return false;
  const cpu::ScopedThreads threads(threads_);
  auto& p = workspace.slot<Prepared>([&] { return prepare_backward(engine_, attributes, gy, w, gx); });
  if (!p.possible) return false;
  p.call.set(DNNL_ARG_WEIGHTS, p.pack_weights(workspace, engine_, *packed_, w));
  float* const rounded = cpu::temporary(workspace, p.from);
  float* const sums = cpu::temporary(workspace, p.to);
  p.round.run(workspace, gy.data, rounded);
  p.call.set(DNNL_ARG_DIFF_DST, rounded);
  p.call.set(DNNL_ARG_DIFF_SRC, sums);
  p.call.run(workspace);
  to_blocks(threads_, sums, gx, {});
  return true;
}

}  // namespace mho::kernels
