// Convolution and its adjoint in x, by oneDNN: prepared on the first run, weights packed once where they are constant.
#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "kernels/cpu/cpu_device.h"
#include "kernels/cpu/onednn.h"

namespace mho::kernels {

using cpu::Call;
using cpu::ConvolutionShape;
using cpu::describe;
using cpu::describe_any;
using cpu::temporary;
using dnnl::memory;

namespace {

/// How many neighbouring groups to merge into one. Grouped convolutions are fast in blocked layout only where every
/// group has whole blocks of channels (or one channel: depthwise). Narrower groups are merged into wider ones whose
/// weights are block-diagonal.
std::int64_t merge_of(std::int64_t groups, std::int64_t in_channels, std::int64_t out_channels) {
  const std::int64_t in = in_channels / groups;
  const std::int64_t out = out_channels / groups;
  if (groups == 1 || (in == 1 && out == 1)) return 1;
  constexpr std::int64_t kWidest = 16;  // beyond it the zeros cost more than a slow kernel
  for (std::int64_t merge = 1; merge <= std::min(groups, kWidest); ++merge) {
    if (groups % merge == 0 && merge * in % kChannelBlock == 0 && merge * out % kChannelBlock == 0) return merge;
  }
  return 1;
}

/// Plain weights [groups, M/groups, C/groups, kernel...] ([M, C, kernel...] where groups = 1), after merging.
memory::dims weight_dims(const Shape& w, std::int64_t groups, std::int64_t merge) {
  memory::dims dims(w.begin() + 2, w.end());
  if (groups == 1) {
    dims.insert(dims.begin(), {w[0], w[1]});
    return dims;
  }
  const std::int64_t merged = groups / merge;
  dims.insert(dims.begin(), {w[0] / merged, w[1] * merge});
  if (merged > 1) dims.insert(dims.begin(), merged);
  return dims;
}

/// Copies plain weights of `groups` groups into `merge` times wider, block-diagonal ones.
void merge_groups(const float* w, const Shape& shape, std::int64_t groups, std::int64_t merge, float* merged) {
  const std::int64_t per_group = shape[0] / groups;
  const std::int64_t run = element_count(shape) / shape[0];  // one output channel
  std::fill_n(merged, shape[0] * run * merge, 0.0F);
  for (std::int64_t m = 0; m < shape[0]; ++m) {
    const std::int64_t slot = m / per_group % merge;
    std::copy_n(w + m * run, run, merged + (m * merge + slot) * run);
  }
}

memory::dims dilations_minus_one(const Shape& dilations) {
  memory::dims result(dilations);
  for (auto& d : result) --d;
  return result;
}

struct Request {
  const ConvolutionAttributes& attributes;
  const TensorType& x;
  const Shape& w;
  const TensorType& y;
};

bool has_elements(const Request& r) {
  return element_count(r.x.shape) > 0 && element_count(r.y.shape) > 0 && element_count(r.w) > 0;
}

/// The descriptors with which to try, best first: as the tensors are; with x or both in the other layout where y is
/// blocked; as oneDNN likes.
std::vector<ConvolutionShape> attempts(const Request& r, std::int64_t merge, const memory::desc& bias,
                                       bool as_onednn_likes = true) {
  const Window& window = r.attributes.window;
  ConvolutionShape shape{describe(r.x),
                         describe_any(weight_dims(r.w, r.attributes.groups, merge)),
                         bias,
                         describe(r.y),
                         window.strides,
                         dilations_minus_one(window.dilations),
                         window.pads_begin,
                         window.pads_end};
  std::vector result{shape};
  if (r.y.layout == Layout::blocked) {
    // First layers: forward kernels want few channels plain, backward ones want them blocked.
    const Layout other = r.x.layout == Layout::blocked ? Layout::plain : Layout::blocked;
    shape.x = describe({DType::f32, r.x.shape, other});
    result.push_back(shape);
  }
  if (!as_onednn_likes) return result;
  shape.x = describe_any(r.x.shape);
  shape.y = describe_any(r.y.shape);
  result.push_back(shape);
  return result;
}

int speed_rank(const std::string& implementation) {
  if (cpu::is_fast(implementation)) return 2;
  return implementation.find("gemm") != std::string::npos ? 1 : 0;
}

/// The first of the fastest kind among `shapes`, or an empty descriptor.
template <class Make>
auto fastest(const std::vector<ConvolutionShape>& shapes, Make&& make) {
  decltype(make(shapes.front())) best;
  int best_rank = -1;
  for (const ConvolutionShape& shape : shapes) {
    auto pd = make(shape);
    if (!pd) continue;
    const int rank = speed_rank(pd.impl_info_str());
    if (rank > best_rank) {
      best = pd;
      best_rank = rank;
    }
    if (rank == 2) break;
  }
  return best;
}

/// Weights as a primitive wants them.
class Weights {
 public:
  Weights() = default;
  Weights(const dnnl::engine& engine, const Request& r, std::int64_t merge, const memory::desc& wanted)
      : engine_(engine),
        plain_(describe({DType::f32, weight_dims(r.w, r.attributes.groups, merge), Layout::plain})),
        wanted_(wanted),
        groups_(r.attributes.groups),
        merge_(merge),
        pack_(engine, plain_, wanted) {}

  const void* packed(Workspace& workspace, cpu::PackedWeights& cache, const Tensor& w) {
    if (!w.constant) {
      if (merge_ == 1 && wanted_ == plain_) return w.data;
      float* const packed = temporary(workspace, wanted_);
      pack_into(workspace, w, packed);
      return packed;
    }
    if (packed_from_ != w.data) {
      packed_ = cache.find_or_pack(engine_, w.data, plain_, wanted_, merge_,
                                   [&](void* packed) { pack_into(workspace, w, packed); });
      packed_from_ = w.data;
    }
    return packed_->get_data_handle();
  }

 private:
  void pack_into(Workspace& workspace, const Tensor& w, void* packed) {
    const void* source = w.data;
    if (merge_ > 1) {
      float* const merged = temporary(workspace, plain_);
      merge_groups(w.as<float>().data(), w.shape(), groups_, merge_, merged);
      source = merged;
    }
    pack_.run(workspace, source, packed);
  }

  dnnl::engine engine_;
  memory::desc plain_, wanted_;
  std::int64_t groups_ = 1;
  std::int64_t merge_ = 1;
  Call pack_;
  const std::byte* packed_from_ = nullptr;
  cpu::PackedWeights::Packed packed_;
};

/// A tensor as a primitive wants it: itself, or a temporary with a reorder.
struct Port {
  memory::desc wanted;
  std::optional<Call> reorder;

  static Port input(const dnnl::engine& engine, const TensorType& type, const memory::desc& wanted) {
    Port port{wanted, {}};
    if (!cpu::is_memory_of(type, wanted)) port.reorder.emplace(engine, describe(type), wanted);
    return port;
  }
  static Port output(const dnnl::engine& engine, const TensorType& type, const memory::desc& wanted) {
    Port port{wanted, {}};
    if (!cpu::is_memory_of(type, wanted)) port.reorder.emplace(engine, wanted, describe(type));
    return port;
  }
  const void* read(Workspace& workspace, const Tensor& tensor) {
    if (!reorder) return tensor.data;
    float* const buffer = temporary(workspace, wanted);
    reorder->run(workspace, tensor.data, buffer);
    return buffer;
  }
  void* buffer(Workspace& workspace, const Tensor& tensor) {
    return reorder ? static_cast<void*>(temporary(workspace, wanted)) : tensor.data;
  }
  void write(Workspace& workspace, void* from, const Tensor& tensor) {
    if (reorder) reorder->run(workspace, from, tensor.data);
  }
};

struct Prepared {
  bool possible = false;
  Call call;
  Weights weights;
  Port in, out, residual;
  bool sums_into_output = false;  ///< the residual must lie in the output beforehand
};

constexpr int kResidual = DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1;

std::int64_t merge_of(const Request& r) { return merge_of(r.attributes.groups, r.x.shape[1], r.y.shape[1]); }

bool is_one_block(const TensorType& type) { return type.layout == Layout::blocked && type.shape[1] == kChannelBlock; }

auto forward_pd(const dnnl::engine& engine, const Request& r, const Epilogue& epilogue) {
  const memory::desc bias =
      epilogue.bias != nullptr ? describe({DType::f32, {r.y.shape[1]}, Layout::plain}) : memory::desc();
  const auto make = [&](const ConvolutionShape& s) {
    dnnl::primitive_attr attr = cpu::with_user_scratchpad();
    dnnl::post_ops ops;
    if (epilogue.residual != nullptr) {
      if (cpu::is_memory_of(r.y, s.y)) {
        ops.append_binary(dnnl::algorithm::binary_add, s.y);
      } else {
        ops.append_sum(1.0F);  // a binary operand's layout must be known beforehand
      }
    }
    if (epilogue.relu) cpu::append_relu(ops);
    attr.set_post_ops(ops);
    return cpu::convolution_forward_pd(engine, s, attr);
  };
  std::vector<ConvolutionShape> shapes = attempts(r, merge_of(r), bias);
  if (is_one_block(r.x) && is_one_block(r.y)) {
    // The kernels for channels last are faster, and one block is the same memory.
    ConvolutionShape last = shapes.front();
    last.x = cpu::describe_channels_last(r.x);
    last.y = cpu::describe_channels_last(r.y);
    shapes.insert(shapes.begin(), last);
  }
  return fastest(shapes, make);
}

auto backward_pd(const dnnl::engine& engine, const Request& r) {
  const dnnl::primitive_attr attr = cpu::with_user_scratchpad();
  return fastest(attempts(r, merge_of(r), {}),
                 [&](const ConvolutionShape& s) { return cpu::convolution_backward_pd(engine, s, attr); });
}

/// Whether some window lies over padding alone.
bool has_empty_windows(const Request& r) {
  const Window& w = r.attributes.window;
  for (std::size_t axis = 0; axis < w.kernel.size(); ++axis) {
    const std::int64_t extent = r.x.shape[axis + 2];
    for (std::int64_t o = 0; o < r.y.shape[axis + 2]; ++o) {
      bool empty = true;
      for (std::int64_t k = 0; k < w.kernel[axis]; ++k) {
        const std::int64_t at = o * w.strides[axis] - w.pads_begin[axis] + k * w.dilations[axis];
        if (at >= 0 && at < extent) empty = false;
      }
      if (empty) return true;
    }
  }
  return false;
}

Prepared prepare_forward(const dnnl::engine& engine, const Request& r, const Epilogue& epilogue) {
  if (!has_elements(r)) return {};
  const auto pd = forward_pd(engine, r, epilogue);
  if (!pd) return {};
  // oneDNN 2.6 (brgconv) writes wrong sums, or crashes with a ReLU behind, in windows that lie over padding alone.
  const bool sums =
      epilogue.residual != nullptr && pd.get_primitive_attr().get_post_ops().kind(0) == dnnl::primitive::kind::sum;
  if (sums && has_empty_windows(r)) return {};
  Prepared p{true,
             Call(engine, dnnl::convolution_forward(pd), pd.scratchpad_desc()),
             Weights(engine, r, merge_of(r), pd.weights_desc()),
             Port::input(engine, r.x, pd.src_desc()),
             Port::output(engine, r.y, pd.dst_desc()),
             {}};
  if (epilogue.residual != nullptr) {
    p.sums_into_output = pd.get_primitive_attr().get_post_ops().kind(0) == dnnl::primitive::kind::sum;
    p.residual = Port::input(engine, r.y, pd.dst_desc());
    if (!p.sums_into_output) p.call.declare(kResidual, pd.dst_desc());
  }
  p.call.declare(DNNL_ARG_SRC, pd.src_desc());
  p.call.declare(DNNL_ARG_WEIGHTS, pd.weights_desc());
  p.call.declare(DNNL_ARG_DST, pd.dst_desc());
  if (epilogue.bias != nullptr) p.call.declare(DNNL_ARG_BIAS, pd.bias_desc());
  return p;
}

Prepared prepare_backward(const dnnl::engine& engine, const Request& r) {
  if (!has_elements(r)) return {};
  const auto pd = backward_pd(engine, r);
  if (!pd) return {};
  Prepared p{true,
             Call(engine, dnnl::convolution_backward_data(pd), pd.scratchpad_desc()),
             Weights(engine, r, merge_of(r), pd.weights_desc()),
             Port::input(engine, r.y, pd.diff_dst_desc()),
             Port::output(engine, r.x, pd.diff_src_desc()),
             {}};
  p.call.declare(DNNL_ARG_DIFF_DST, pd.diff_dst_desc());
  p.call.declare(DNNL_ARG_WEIGHTS, pd.weights_desc());
  p.call.declare(DNNL_ARG_DIFF_SRC, pd.diff_src_desc());
  return p;
}

Shape output_shape(const ConvolutionAttributes& attributes, const Shape& x, const Shape& weights) {
  Shape y{x[0], weights[0]};
  const Window& w = attributes.window;
  for (std::size_t i = 0; i < w.kernel.size(); ++i) {
    const std::int64_t span = w.dilations[i] * (w.kernel[i] - 1) + 1;
    y.push_back((x[i + 2] + w.pads_begin[i] + w.pads_end[i] - span) / w.strides[i] + 1);
  }
  return y;
}

int threads_of(int threads, const Shape& y, const Shape& weights) {
  return cpu::threads_for(threads, element_count(y), weights[0] == 0 ? 0 : element_count(weights) / weights[0]);
}

}  // namespace

Layout CpuDevice::convolution_layout(const ConvolutionAttributes& attributes, const Shape& x,
                                     const Shape& weights) const {
  if (x.size() < 3 || x.size() > 5) return Layout::plain;
  // Half-empty blocks waste more than the blocked kernels gain.
  if (weights[0] < kChannelBlock / 2) return Layout::plain;
  const TensorType x_type{DType::f32, x, Layout::blocked};
  const TensorType y_type{DType::f32, output_shape(attributes, x, weights), Layout::blocked};
  const cpu::ScopedThreads threads(threads_of(threads_, y_type.shape, weights));
  const Request r{attributes, x_type, weights, y_type};
  if (!has_elements(r)) return Layout::plain;
  const auto blocked = attempts(r, merge_of(r), {}, false);
  const auto forward =
      fastest(blocked, [&](const ConvolutionShape& s) { return cpu::convolution_forward_pd(engine_, s, {}); });
  if (!forward || !cpu::is_fast(forward.impl_info_str())) return Layout::plain;
  const auto backward =
      fastest(blocked, [&](const ConvolutionShape& s) { return cpu::convolution_backward_pd(engine_, s, {}); });
  if (!backward || !cpu::is_fast(backward.impl_info_str())) return Layout::plain;
  return Layout::blocked;
}

std::string CpuDevice::convolution_implementation(const ConvolutionAttributes& attributes, const TensorType& x,
                                                  const Shape& weights, const TensorType& y, bool backward) const {
  const cpu::ScopedThreads threads(threads_of(threads_, y.shape, weights));
  const Request r{attributes, x, weights, y};
  if (backward) {
    const auto pd = backward_pd(engine_, r);
    return pd ? pd.impl_info_str() : "";
  }
  const auto pd = forward_pd(engine_, r, {});
  return pd ? pd.impl_info_str() : "";
}

void CpuDevice::convolution(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& x,
                            const Tensor& w, const Tensor& y, const Epilogue& epilogue) {
  if (bfloat16_convolution(workspace, attributes, x, w, y, epilogue)) return;
  if (winograd(workspace, attributes, false, x, w, y, epilogue)) return;
  const cpu::ScopedThreads threads(threads_of(threads_, y.shape(), w.shape()));
  auto& p = workspace.slot<Prepared>([&] {
    return prepare_forward(engine_, Request{attributes, x.type, w.shape(), y.type}, epilogue);
  });
  if (!p.possible) return ReferenceDevice<float>::convolution(workspace, attributes, x, w, y, epilogue);
  p.call.set(DNNL_ARG_WEIGHTS, p.weights.packed(workspace, *packed_, w));
  p.call.set(DNNL_ARG_SRC, p.in.read(workspace, x));
  void* const out = p.out.buffer(workspace, y);
  if (epilogue.residual != nullptr) {
    const Tensor& residual = *epilogue.residual;
    if (!p.sums_into_output) {
      const std::byte* operand = residual.data;
      if (operand == out) {  // kernels may keep partial sums in the output
        Tensor saved = workspace.temporary(y.type);
        copy_bytes(operand, saved.data, y.type.bytes());
        operand = saved.data;
      }
      p.call.set(kResidual, operand);
    } else if (p.residual.reorder) {
      p.residual.reorder->run(workspace, residual.data, out);
    } else if (residual.data != out) {
      copy_bytes(residual.data, static_cast<std::byte*>(out), y.type.bytes());
    }
  }
  p.call.set(DNNL_ARG_DST, out);
  if (epilogue.bias != nullptr) p.call.set(DNNL_ARG_BIAS, epilogue.bias->data);
  p.call.run(workspace);
  p.out.write(workspace, out, y);
}

void CpuDevice::convolution_vjp_data(Workspace& workspace, const ConvolutionAttributes& attributes, const Tensor& gy,
                                     const Tensor& w, const Tensor& gx) {
  if (strided_adjoint(workspace, attributes, gy, w, gx)) return;
  if (bfloat16_convolution_vjp_data(workspace, attributes, gy, w, gx)) return;
  if (winograd(workspace, attributes, true, gy, w, gx, {})) return;
  const cpu::ScopedThreads threads(threads_of(threads_, gy.shape(), w.shape()));
  auto& p = workspace.slot<Prepared>([&] {
    return prepare_backward(engine_, Request{attributes, gx.type, w.shape(), gy.type});
  });
  if (!p.possible) return ReferenceDevice<float>::convolution_vjp_data(workspace, attributes, gy, w, gx);
  p.call.set(DNNL_ARG_WEIGHTS, p.weights.packed(workspace, *packed_, w));
  p.call.set(DNNL_ARG_DIFF_DST, p.in.read(workspace, gy));
  void* const out = p.out.buffer(workspace, gx);
  p.call.set(DNNL_ARG_DIFF_SRC, out);
  p.call.run(workspace);
  p.out.write(workspace, out, gx);
}

}  // namespace mho::kernels
