// Matrix products by oneDNN, with constant matrices packed once. A stack times one matrix is one tall product. In
// bfloat16 the factors are rounded on the way in, a constant one as it is packed; sums stay float32.
#include <algorithm>

#include "kernels/cpu/cpu_device.h"

namespace mho::kernels {

using cpu::Call;
using dnnl::memory;

namespace {

/// The factors as oneDNN sees them: equal ranks, leading axes that broadcast, transposition as strides.
struct Factors {
  Shape a, b, y;
  memory::desc a_md, b_md, y_md;
};

memory::desc matrix(const Shape& shape, bool transposed, memory::data_type type = memory::data_type::f32) {
  // `shape` is after transposition; memory is before it.
  Shape stored = shape;
  if (transposed) std::swap(stored[stored.size() - 1], stored[stored.size() - 2]);
  memory::dims strides(stored.size());
  std::int64_t stride = 1;
  for (std::size_t axis = stored.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= stored[axis];
  }
  if (transposed) std::swap(strides[strides.size() - 1], strides[strides.size() - 2]);
  return {shape, type, strides};
}

std::int64_t batch(const Shape& shape) { return element_count(Shape(shape.begin(), shape.end() - 2)); }

Shape with_rank(Shape shape, std::size_t rank) {
  shape.insert(shape.begin(), rank - shape.size(), 1);
  return shape;
}

Factors factors_of(const MatmulAttributes& attributes, const Tensor& a, const Tensor& b, const Tensor& y) {
  Factors f{a.shape(), b.shape(), y.shape(), {}, {}, {}};
  if (attributes.transpose_a) std::swap(f.a[f.a.size() - 1], f.a[f.a.size() - 2]);
  if (attributes.transpose_b) std::swap(f.b[f.b.size() - 1], f.b[f.b.size() - 2]);
  const std::int64_t k = f.a.back();
  const std::int64_t n = f.b.back();
  if (batch(f.b) == 1 && (!attributes.transpose_a || batch(f.a) == 1)) {
    const std::int64_t rows = batch(f.a) * f.a[f.a.size() - 2];
    f.a = {rows, k};
    f.b = {k, n};
    f.y = {rows, n};
  } else {
    const std::size_t rank = f.y.size();
    f.a = with_rank(f.a, rank);
    f.b = with_rank(f.b, rank);
    const bool equal = std::equal(f.a.begin(), f.a.end() - 2, f.b.begin());
    if (equal && rank > 3) {
      const auto flat = [](const Shape& s) { return Shape{batch(s), s[s.size() - 2], s[s.size() - 1]}; };
      f.a = flat(f.a);
      f.b = flat(f.b);
      f.y = flat(f.y);
    }
  }
  f.a_md = matrix(f.a, attributes.transpose_a);
  f.b_md = matrix(f.b, attributes.transpose_b);
  f.y_md = matrix(f.y, false);
  return f;
}

/// Whether products take longer than rounding the factors. Measured: one element costs as much as some 30 products.
bool pays_in_bfloat16(const Factors& f, bool constant_b) {
  const std::int64_t products = element_count(f.y) * f.a.back();
  const std::int64_t rounded = element_count(f.a) + (constant_b ? 0 : element_count(f.b));
  return products >= cpu::kParallelMultiplyAdds && products > 32 * rounded;
}

struct Prepared {
  bool possible = false;
  Call call;
  memory::desc a_wanted;
  std::optional<Call> round_a;  ///< to bfloat16
  memory::desc b_plain, b_wanted;
  std::optional<Call> pack;
  bool pack_once = false;  ///< b is constant
  const std::byte* packed_from = nullptr;
  cpu::PackedWeights::Packed packed;
};

/// With `bfloat16`, nothing where no AMX kernel fits.
Prepared prepare(const dnnl::engine& engine, const Factors& f, bool constant_b, const Epilogue& epilogue,
                 bool bfloat16) {
  const auto type = bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  dnnl::primitive_attr attr = cpu::with_user_scratchpad();
  dnnl::post_ops ops;
  if (epilogue.residual != nullptr) ops.append_sum(1.0F);
  if (epilogue.relu) cpu::append_relu(ops);
  attr.set_post_ops(ops);
  memory::desc bias;
  if (epilogue.bias != nullptr) {
    Shape shape(f.y.size(), 1);
    shape.back() = f.y.back();
    bias = cpu::describe({DType::f32, shape, Layout::plain});
  }
  const bool pack = constant_b && f.b.size() == 2;
  const memory::desc a_md = bfloat16 ? matrix(f.a, false, type) : f.a_md;
  const memory::desc b_md = bfloat16 ? matrix(f.b, false, type) : f.b_md;
  const memory::desc any{f.b, type, memory::format_tag::any};
  const auto pd = cpu::matmul_pd(engine, a_md, pack ? any : b_md, bias, f.y_md, attr);
  if (!pd || (bfloat16 && !cpu::uses_amx(pd.impl_info_str()))) return {};
  Prepared p;
  p.possible = true;
  p.a_wanted = a_md;
  if (a_md != f.a_md) p.round_a.emplace(engine, f.a_md, a_md);
  p.pack_once = pack;
  p.call = Call(engine, dnnl::matmul(pd), pd.scratchpad_desc());
  p.b_plain = f.b_md;
  p.b_wanted = pd.weights_desc();
  if (p.b_wanted != p.b_plain) p.pack.emplace(engine, p.b_plain, p.b_wanted);
  p.call.declare(DNNL_ARG_SRC, a_md);
  p.call.declare(DNNL_ARG_WEIGHTS, p.b_wanted);
  p.call.declare(DNNL_ARG_DST, f.y_md);
  if (epilogue.bias != nullptr) p.call.declare(DNNL_ARG_BIAS, bias);
  return p;
}

}  // namespace

void CpuDevice::matmul(Workspace& workspace, const MatmulAttributes& attributes, const Tensor& a, const Tensor& b,
                       const Tensor& y, const Epilogue& epilogue) {
  const std::int64_t length = a.dim(a.rank() - (attributes.transpose_a ? 2 : 1));
  const cpu::ScopedThreads threads(cpu::threads_for(threads_, y.type.elements(), length));
  auto& p = workspace.slot<Prepared>([&] {
    const bool empty = a.type.elements() == 0 || b.type.elements() == 0 || y.type.elements() == 0;
    if (empty) return Prepared{};
    const Factors factors = factors_of(attributes, a, b, y);
    if (bfloat16_ && pays_in_bfloat16(factors, b.constant)) {
      Prepared rounded = prepare(engine_, factors, b.constant, epilogue, true);
      if (rounded.possible) return rounded;
    }
    return prepare(engine_, factors, b.constant, epilogue, false);
  });
  if (!p.possible) return ReferenceDevice<float>::matmul(workspace, attributes, a, b, y, epilogue);
  const void* weights = b.data;
  if (p.pack && !p.pack_once) {
    float* const rounded = cpu::temporary(workspace, p.b_wanted);
    p.pack->run(workspace, b.data, rounded);
    weights = rounded;
  } else if (p.pack) {
    if (p.packed_from != b.data) {
      p.packed = packed_->find_or_pack(engine_, b.data, p.b_plain, p.b_wanted, 0,
                                       [&](void* packed) { p.pack->run(workspace, b.data, packed); });
      p.packed_from = b.data;
    }
    weights = p.packed->get_data_handle();
  }
  if (epilogue.residual != nullptr && epilogue.residual->data != y.data) {
    copy_bytes(epilogue.residual->data, y.data, y.type.bytes());
  }
  const void* rows = a.data;
  if (p.round_a) {
    float* const rounded = cpu::temporary(workspace, p.a_wanted);
    p.round_a->run(workspace, a.data, rounded);
    rows = rounded;
  }
  p.call.set(DNNL_ARG_SRC, rows);
  p.call.set(DNNL_ARG_WEIGHTS, weights);
  p.call.set(DNNL_ARG_DST, y.data);
  if (epilogue.bias != nullptr) p.call.set(DNNL_ARG_BIAS, epilogue.bias->data);
  p.call.run(workspace);
}

}  // namespace mho::kernels
