// Integer functions of positions and sizes: which elements are largest, which of several writes to a place comes last.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/primitives.h"

namespace mho::primitives {

namespace {

/// Integers are made, and no gradient passes.
class Positional : public Primitive {
 public:
  void vjp(Exec& exec, const VjpArgs& args) const override {
    if (!args.input_gradients[0].empty()) exec.device.fill(args.input_gradients[0], 0);
  }
  [[nodiscard]] BackwardReads backward_reads(Positions) const override { return {}; }
  [[nodiscard]] bool differentiable() const override { return false; }
  [[nodiscard]] bool affine(Positions active) const override { return active.count(1) == 0; }
};

class TopK final : public Positional {
 public:
  TopK(std::int64_t axis, std::int64_t k, bool largest) : axis_(axis), k_(k), largest_(largest) {}
  [[nodiscard]] bool compares(Positions) const override { return true; }
  [[nodiscard]] std::string_view name() const override { return "top_k"; }
  [[nodiscard]] std::string describe() const override {
    return fmt::format("{} {} of axis {}", k_, largest_ ? "largest" : "smallest", axis_);
  }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    Shape shape = inputs[0].shape;
    if (inputs[0].dtype == DType::b8 || axis_ < 0 || axis_ >= static_cast<std::int64_t>(shape.size()) || k_ < 0 ||
        k_ > shape[static_cast<std::size_t>(axis_)]) {
      throw Error(Code::kInvalidModel, fmt::format("top_k: there are no {} in {} {}", describe(),
                                                   to_string(inputs[0].dtype), to_string(shape)));
    }
    shape[static_cast<std::size_t>(axis_)] = k_;
    return {{DType::i64, shape}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.top_k(exec.workspace, in[0], axis_, largest_, out[0]);
  }

 private:
  std::int64_t axis_;
  std::int64_t k_;
  bool largest_;
};

class LastWriter final : public Positional {
 public:
  explicit LastWriter(std::int64_t rows) : rows_(rows) {}
  [[nodiscard]] std::string_view name() const override { return "last_writer"; }
  [[nodiscard]] std::string describe() const override { return fmt::format("{} rows", rows_); }
  [[nodiscard]] std::vector<TensorType> infer(std::span<const TensorType> inputs) const override {
    if (inputs[0].dtype != DType::i64 || inputs[0].shape.size() != 1 || rows_ < 0) {
      throw Error(Code::kInvalidModel, fmt::format("last_writer needs a list of positions, not {} {}",
                                                   to_string(inputs[0].dtype), to_string(inputs[0].shape)));
    }
    return {{DType::i64, {rows_}}};
  }
  void forward(Exec& exec, std::span<const Tensor> in, std::span<const Tensor> out,
               std::span<const Tensor>) const override {
    exec.device.last_writer(exec.workspace, in[0], out[0]);
  }

 private:
  std::int64_t rows_;
};

}  // namespace

PrimitivePtr make_top_k(std::int64_t axis, std::int64_t k, bool largest) {
  return std::make_shared<TopK>(axis, k, largest);
}
PrimitivePtr make_last_writer(std::int64_t rows) { return std::make_shared<LastWriter>(rows); }

}  // namespace mho::primitives
