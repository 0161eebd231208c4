// The few places where the C++ interfaces of oneDNN 2.x and 3.x differ, and what "fast" means in its answers.
#pragma once

#include <oneapi/dnnl/dnnl_version.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>

namespace mho::kernels::cpu {

/// Everything that a convolution descriptor takes. An empty `bias` descriptor means no bias.
struct ConvolutionShape {
  dnnl::memory::desc x, w, bias, y;
  dnnl::memory::dims strides, dilates, pads_begin, pads_end;
};

inline bool is_empty(const dnnl::memory::desc& md) { return md == dnnl::memory::desc(); }

/// Empty where oneDNN has no implementation.
inline dnnl::convolution_forward::primitive_desc convolution_forward_pd(const dnnl::engine& engine,
                                                                        const ConvolutionShape& s,
                                                                        const dnnl::primitive_attr& attr) try {
  constexpr auto kind = dnnl::prop_kind::forward_inference;
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  using Forward = dnnl::convolution_forward;
#if DNNL_VERSION_MAJOR >= 3
  if (is_empty(s.bias))
    return Forward::primitive_desc(engine, kind, algorithm, s.x, s.w, s.y, s.strides, s.dilates, s.pads_begin,
                                   s.pads_end, attr, true);
  return Forward::primitive_desc(engine, kind, algorithm, s.x, s.w, s.bias, s.y, s.strides, s.dilates, s.pads_begin,
                                 s.pads_end, attr, true);
#else
  // In 2.x an empty bias descriptor is no bias.
  return Forward::primitive_desc(
      Forward::desc(kind, algorithm, s.x, s.w, s.bias, s.y, s.strides, s.dilates, s.pads_begin, s.pads_end), attr,
      engine, true);
#endif
} catch (const dnnl::error&) {
  return {};
}

/// Adjoint in x of `s` (its bias is ignored). oneDNN wants to know a forward convolution, that of `forward`: the same
/// but for types. Empty where oneDNN has no implementation.
inline dnnl::convolution_backward_data::primitive_desc convolution_backward_pd(const dnnl::engine& engine,
                                                                               const ConvolutionShape& s,
                                                                               ConvolutionShape forward,
                                                                               const dnnl::primitive_attr& attr) try {
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  using Backward = dnnl::convolution_backward_data;
  forward.bias = {};
  const auto hint = convolution_forward_pd(engine, forward, {});
  if (!hint) return {};
#if DNNL_VERSION_MAJOR >= 3
  return Backward::primitive_desc(engine, algorithm, s.x, s.w, s.y, s.strides, s.dilates, s.pads_begin, s.pads_end,
                                  hint, attr, true);
#else
  return Backward::primitive_desc(
      Backward::desc(algorithm, s.x, s.w, s.y, s.strides, s.dilates, s.pads_begin, s.pads_end), attr, engine, hint,
      true);
#endif
} catch (const dnnl::error&) {
  return {};
}

inline dnnl::convolution_backward_data::primitive_desc convolution_backward_pd(const dnnl::engine& engine,
                                                                               const ConvolutionShape& s,
                                                                               const dnnl::primitive_attr& attr) {
  return convolution_backward_pd(engine, s, s, attr);
}

/// Empty where oneDNN has no implementation. An empty `bias` descriptor means no bias.
inline dnnl::matmul::primitive_desc matmul_pd(const dnnl::engine& engine, const dnnl::memory::desc& a,
                                              const dnnl::memory::desc& b, const dnnl::memory::desc& bias,
                                              const dnnl::memory::desc& y, const dnnl::primitive_attr& attr) try {
  using Matmul = dnnl::matmul;
#if DNNL_VERSION_MAJOR >= 3
  if (is_empty(bias)) return Matmul::primitive_desc(engine, a, b, y, attr, true);
  return Matmul::primitive_desc(engine, a, b, bias, y, attr, true);
#else
  const Matmul::desc description = is_empty(bias) ? Matmul::desc(a, b, y) : Matmul::desc(a, b, bias, y);
  return Matmul::primitive_desc(description, attr, engine, true);
#endif
} catch (const dnnl::error&) {
  return {};
}

inline void append_relu(dnnl::post_ops& ops) {
#if DNNL_VERSION_MAJOR >= 3
  ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#else
  ops.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, 0.0F, 0.0F);
#endif
}

/// oneDNN names its implementations "jit:avx512_core", "brgconv:…", "gemm:jit", "ref:any", …. The last two are what
/// it does when nothing suits: im2col or plain loops.
inline bool is_fast(std::string_view implementation) {
  return implementation.find("ref") == std::string_view::npos && !implementation.starts_with("gemm") &&
         !implementation.starts_with("x64:gemm");
}

/// Whether an implementation multiplies in AMX tiles: "brgconv:avx512_core_amx_bf16", "brg:avx512_core_amx", ….
inline bool uses_amx(std::string_view implementation) { return implementation.find("amx") != std::string_view::npos; }

}  // namespace mho::kernels::cpu
