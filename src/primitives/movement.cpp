// Primitives that move elements without arithmetic: each vjp is the opposite movement.
#include <fmt/format.h>

#include <algorithm>

#include "primitives/broadcast.h"
#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

using kernels::Region;

/// Common to all of them: linear, and the backward pass reads nothing.
class Movement : public Primitive {
 public:
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {}; }
  [[nodiscard]] bool affine(Positions) const override { return true; }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions) const override { return Magnitudes{}; }
};

class Reshape final : public Movement {
 public:
  explicit Reshape(Shape shape) : shape_(std::move(shape)) {}
  [[nodiscard]] std::string_view name() const override { return "reshape"; }
  [[nodiscard]] std::string describe() const override { return to_string(shape_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (element_count(shape_) != inputs[0].elements()) {
      invalid(fmt::format("cannot reshape {} ({} elements) to {}", to_string(inputs[0].shape), inputs[0].elements(),
                          to_string(shape_)));
    }
    return {{inputs[0].dtype, shape_}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    if (in[0].data != out[0].data) exec.device.copy(exec.workspace, in[0].reshaped(shape_), out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gx = args.input_gradients[0];
    const Tensor& gy = args.output_gradients[0];
    if (gx.data != gy.data) exec.device.copy(exec.workspace, gy.reshaped(gx.shape()), gx);
  }
  [[nodiscard]] bool is_view() const override { return true; }

 private:
  Shape shape_;
};

class Transpose final : public Movement {
 public:
  explicit Transpose(Shape permutation) : permutation_(std::move(permutation)), inverse_(permutation_.size(), -1) {
    for (std::size_t i = 0; i < permutation_.size(); ++i) {
      const auto to = static_cast<std::size_t>(permutation_[i]);
      if (to >= inverse_.size() || inverse_[to] >= 0) {
        invalid(fmt::format("transpose: {} is no permutation of the axes", to_string(permutation_)));
      }
      inverse_[to] = static_cast<std::int64_t>(i);
    }
  }
  [[nodiscard]] std::string_view name() const override { return "transpose"; }
  [[nodiscard]] std::string describe() const override { return to_string(permutation_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (inputs[0].shape.size() != permutation_.size()) {
      invalid(fmt::format("transpose {} does not fit a tensor of shape {}", to_string(permutation_),
                          to_string(inputs[0].shape)));
    }
    Shape shape(permutation_.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
      shape[i] = inputs[0].shape[static_cast<std::size_t>(permutation_[i])];
    }
    return {{inputs[0].dtype, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.transpose(exec.workspace, in[0], permutation_, out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.transpose(exec.workspace, args.output_gradients[0], inverse_, args.input_gradients[0]);
  }

 private:
  Shape permutation_;
  Shape inverse_;
};

class Broadcast final : public Movement {
 public:
  explicit Broadcast(Shape shape) : shape_(std::move(shape)) {}
  [[nodiscard]] std::string_view name() const override { return "broadcast"; }
  [[nodiscard]] std::string describe() const override { return to_string(shape_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (broadcast_shape(inputs[0].shape, shape_, name()) != shape_) {
      invalid(fmt::format("cannot broadcast {} to {}", to_string(inputs[0].shape), to_string(shape_)));
    }
    return {{inputs[0].dtype, shape_}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.broadcast(exec.workspace, in[0], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    sum_to_shape(exec, args.output_gradients[0], args.input_gradients[0]);
  }

 private:
  Shape shape_;
};

class Cast final : public Movement {
 public:
  explicit Cast(DType to) : to_(to) {}
  [[nodiscard]] std::string_view name() const override { return "cast"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("to {}", to_string(to_)); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    return {{to_, inputs[0].shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.copy(exec.workspace, in[0], out[0]);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gx = args.input_gradients[0];
    differentiable() && gx.type.is_real() ? exec.device.copy(exec.workspace, args.output_gradients[0], gx)
                                          : exec.device.fill(gx, 0);
  }
  [[nodiscard]] bool differentiable() const override { return to_ == kReal; }
  [[nodiscard]] bool affine(Positions) const override { return to_ == kReal; }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions) const override { return std::nullopt; }
  [[nodiscard]] DeltaRule delta_rule(Positions) const override {
    return affine({}) ? DeltaRule::linear : DeltaRule::custom;
  }
  // Truncation is a step function of a number; Rescale takes the values as they are.
  void multipliers(Exec& exec, const MultiplierArgs& args) const override {
    if (affine({})) return Primitive::multipliers(exec, args);
    exec.device.unary_multipliers(exec.workspace, {kernels::Unary::floor}, args.inputs[0], args.reference_inputs[0],
                                  args.outputs[0], args.reference_outputs[0], args.output_multipliers[0],
                                  args.input_multipliers[0]);
  }
  [[nodiscard]] BackwardReads multiplier_reads(Positions, Positions) const override {
    if (affine({})) return {};
    return {Positions::of({0}), Positions::of({0})};
  }

 private:
  DType to_;
};

Region whole(std::size_t rank) { return {Shape(rank, 0), Shape(rank, 1)}; }

class Slice final : public Movement {
 public:
  Slice(Region region, Shape extents) : region_(std::move(region)), extents_(std::move(extents)) {}
  [[nodiscard]] std::string_view name() const override { return "slice"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("start {}, step {}", to_string(region_.start), to_string(region_.step));
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    const Shape& x = inputs[0].shape;
    if (x.size() != extents_.size() || x.size() != region_.start.size() || x.size() != region_.step.size()) {
      invalid("slice has another rank than its input");
    }
    static_cast<void>(element_count(extents_));
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (extents_[i] == 0) continue;
      std::int64_t last = 0;
      const bool overflow = __builtin_mul_overflow(extents_[i] - 1, region_.step[i], &last) ||
                            __builtin_add_overflow(last, region_.start[i], &last);
      if (overflow || std::min(region_.start[i], last) < 0 || std::max(region_.start[i], last) >= x[i]) {
        invalid(fmt::format("slice leaves its input of shape {} on axis {}", to_string(x), i));
      }
    }
    return {{inputs[0].dtype, extents_}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.copy_region(exec.workspace, in[0], region_, out[0], whole(extents_.size()), extents_, false);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    exec.device.fill(args.input_gradients[0], 0);
    exec.device.copy_region(exec.workspace, args.output_gradients[0], whole(extents_.size()), args.input_gradients[0],
                            region_, extents_, false);
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::channels; }
  [[nodiscard]] bool blocked_boundaries(std::span<const TensorType> inputs,
                                        std::span<const TensorType>) const override {
    const std::int64_t channels = inputs[0].shape[1];
    const bool to_end = region_.start[1] + extents_[1] == channels;
    return region_.step[1] == 1 && region_.start[1] % kernels::kChannelBlock == 0 &&
           (to_end || extents_[1] % kernels::kChannelBlock == 0);
  }

 private:
  Region region_;
  Shape extents_;
};

class Pad final : public Movement {
 public:
  Pad(Shape begin, Shape end, double value) : begin_(std::move(begin)), end_(std::move(end)), value_(value) {}
  [[nodiscard]] std::string_view name() const override { return "pad"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("begin {}, end {}, value {:g}", to_string(begin_), to_string(end_), value_);
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    Shape shape = inputs[0].shape;
    if (shape.size() != begin_.size() || shape.size() != end_.size()) invalid("pad has another rank than its input");
    constexpr std::int64_t kMost = std::int64_t{1} << 56;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (begin_[i] < -kMost || begin_[i] > kMost || end_[i] < -kMost || end_[i] > kMost) {
        invalid(fmt::format("pad {} / {} is out of range", to_string(begin_), to_string(end_)));
      }
      if (-begin_[i] > shape[i] || -end_[i] > shape[i] || shape[i] + begin_[i] + end_[i] < 0) {
        invalid(fmt::format("pad {} / {} crops more than the input {} has", to_string(begin_), to_string(end_),
                            to_string(shape)));
      }
      shape[i] += begin_[i] + end_[i];
    }
    static_cast<void>(element_count(shape));
    return {{inputs[0].dtype, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.fill(out[0], value_);
    const Overlap o = overlap(in[0].shape());
    exec.device.copy_region(exec.workspace, in[0], o.inner, out[0], o.outer, o.extents, false);
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    const Tensor& gx = args.input_gradients[0];
    exec.device.fill(gx, 0);
    const Overlap o = overlap(gx.shape());
    exec.device.copy_region(exec.workspace, args.output_gradients[0], o.outer, gx, o.inner, o.extents, false);
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions) const override {
    return Magnitudes{make_pad(begin_, end_, 0)};
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::channels; }
  [[nodiscard]] bool blocked_boundaries(std::span<const TensorType> inputs,
                                        std::span<const TensorType>) const override {
    const bool aligned_start = begin_[1] % kernels::kChannelBlock == 0 && begin_[1] >= 0 && end_[1] >= 0;
    return aligned_start && (end_[1] == 0 || inputs[0].shape[1] % kernels::kChannelBlock == 0);
  }

 private:
  /// The part of the input that survives: where it is in the input, and where in the output.
  struct Overlap {
    Region inner, outer;
    Shape extents;
  };
  [[nodiscard]] Overlap overlap(const Shape& x) const {
    Overlap o{whole(x.size()), whole(x.size()), x};
    for (std::size_t i = 0; i < x.size(); ++i) {
      o.inner.start[i] = std::max<std::int64_t>(0, -begin_[i]);
      o.outer.start[i] = std::max<std::int64_t>(0, begin_[i]);
      o.extents[i] = std::max<std::int64_t>(0, x[i] - o.inner.start[i] - std::max<std::int64_t>(0, -end_[i]));
    }
    return o;
  }

  Shape begin_;
  Shape end_;
  double value_;
};

class Concat final : public Movement {
 public:
  explicit Concat(std::int64_t axis) : axis_(static_cast<std::size_t>(axis)) {}
  [[nodiscard]] std::string_view name() const override { return "concat"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("axis {}", axis_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (inputs.empty()) invalid("concat has no inputs");
    TensorType type = inputs[0];
    if (axis_ >= type.shape.size()) invalid("concat axis is outside the rank of its inputs");
    for (const TensorType& other : inputs.subspan(1)) {
      Shape expected = type.shape;
      if (other.shape.size() == expected.size()) expected[axis_] = other.shape[axis_];
      if (other.dtype != type.dtype || other.shape != expected) {
        invalid(fmt::format("concat on axis {} of {} {} and {} {}", axis_, to_string(type.dtype), to_string(type.shape),
                            to_string(other.dtype), to_string(other.shape)));
      }
      type.shape[axis_] += other.shape[axis_];
      static_cast<void>(element_count(type.shape));
    }
    return {type};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    Region at = whole(out[0].rank());
    for (const Tensor& x : in) {
      exec.device.copy_region(exec.workspace, x, whole(x.rank()), out[0], at, x.shape(), false);
      at.start[axis_] += x.dim(axis_);
    }
  }
  void vjp(Exec& exec, const VjpArgs& args) const override {
    Region at = whole(args.output_gradients[0].rank());
    for (std::size_t i = 0; i < args.input_gradients.size(); ++i) {
      const Tensor& gx = args.input_gradients[i];
      if (!gx.empty()) {
        exec.device.copy_region(exec.workspace, args.output_gradients[0], at, gx, whole(gx.rank()), gx.shape(), false);
      }
      at.start[axis_] += gx.dim(axis_);
    }
  }
  [[nodiscard]] std::optional<Magnitudes> magnitudes(Positions active) const override {
    return Magnitudes{.zero = active.complement()};
  }
  [[nodiscard]] LayoutRule layout_rule() const override { return LayoutRule::channels; }
  [[nodiscard]] bool blocked_boundaries(std::span<const TensorType> inputs,
                                        std::span<const TensorType>) const override {
    if (axis_ != 1) return true;
    return std::ranges::all_of(inputs.first(inputs.size() - 1),
                               [](const TensorType& t) { return t.shape[1] % kernels::kChannelBlock == 0; });
  }

 private:
  std::size_t axis_;
};

}  // namespace

PrimitivePtr make_reshape(Shape shape) { return std::make_shared<Reshape>(std::move(shape)); }
PrimitivePtr make_transpose(Shape permutation) { return std::make_shared<Transpose>(std::move(permutation)); }
PrimitivePtr make_broadcast(Shape shape) { return std::make_shared<Broadcast>(std::move(shape)); }
PrimitivePtr make_cast(DType to) { return std::make_shared<Cast>(to); }
PrimitivePtr make_slice(Region region, Shape extents) {
  return std::make_shared<Slice>(std::move(region), std::move(extents));
}
PrimitivePtr make_pad(Shape begin, Shape end, double value) {
  return std::make_shared<Pad>(std::move(begin), std::move(end), value);
}
PrimitivePtr make_concat(std::int64_t axis) { return std::make_shared<Concat>(axis); }

}  // namespace mho::primitives
