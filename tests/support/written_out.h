// Functions as exporters write them out: graphs in which passes must recognise a primitive.
#pragma once

#include <cmath>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include "graph/builder.h"
#include "primitives/primitives.h"

namespace mho::testing {

using graph::Builder;
using graph::ValueId;
using kernels::Binary;
using kernels::ReduceKind;
using kernels::Unary;
using Ids = std::vector<ValueId>;

/// One way to write a function, and the only primitive that must be left of it.
struct WrittenOut {
  std::string name;
  std::string primitive;
  std::vector<Shape> inputs;
  std::function<ValueId(Builder&, const Ids& inputs)> build;
  /// Whether DeepLIFT treats the whole as it treats the parts.
  bool same_multipliers = true;
};

class Writer {
 public:
  explicit Writer(Builder& build) : build_(build) {}
  ValueId unary(Unary f, ValueId x, double alpha = 0, double beta = 0) {
    return build_.apply1(primitives::make_unary({f, alpha, beta}), {x});
  }
  ValueId binary(Binary f, ValueId a, ValueId b) { return build_.apply1(primitives::make_binary(f), {a, b}); }
  ValueId add(ValueId a, ValueId b) { return binary(Binary::add, a, b); }
  ValueId sub(ValueId a, ValueId b) { return binary(Binary::sub, a, b); }
  ValueId mul(ValueId a, ValueId b) { return binary(Binary::mul, a, b); }
  ValueId div(ValueId a, ValueId b) { return binary(Binary::div, a, b); }
  ValueId number(double value) { return build_.scalar(static_cast<float>(value)); }
  ValueId reduce(ReduceKind kind, ValueId x, Shape axes) {
    return build_.apply1(primitives::make_reduce(kind, std::move(axes)), {x});
  }
  ValueId matmul(ValueId a, ValueId b, bool transpose_b = false) {
    return build_.apply1(primitives::make_matmul({false, transpose_b}), {a, b});
  }
  ValueId softmax(ValueId x, std::int64_t axis) { return build_.apply1(primitives::make_softmax(axis), {x}); }

 private:
  Builder& build_;
};

inline std::vector<WrittenOut> written_out_functions() {
  const Shape rows{2, 3, 4};
  const double root = std::numbers::sqrt2, slope = std::sqrt(2 / std::numbers::pi);
  std::vector<WrittenOut> list;
  const auto add = [&](std::string name, std::string primitive, std::vector<Shape> inputs, auto build,
                       bool same_multipliers = true) {
    list.push_back({std::move(name), std::move(primitive), std::move(inputs),
                    [build](Builder& b, const Ids& in) { return build(Writer(b), in); }, same_multipliers});
  };

  add("gelu as (x * (erf(x / sqrt 2) + 1)) * 0.5", "gelu", {rows}, [=](Writer w, const Ids& in) {
    const ValueId h = w.add(w.unary(Unary::erf, w.div(in[0], w.number(root))), w.number(1));
    return w.mul(w.mul(in[0], h), w.number(0.5));
  });
  add("gelu as x * (0.5 + 0.5 erf(0.7071 x))", "gelu", {rows}, [=](Writer w, const Ids& in) {
    const ValueId erf = w.unary(Unary::erf, w.mul(w.number(1 / root), in[0]));
    return w.mul(in[0], w.unary(Unary::affine, erf, 0.5, 0.5));
  });
  add("gelu as (0.5 x) * (1 + erf)", "gelu", {rows}, [=](Writer w, const Ids& in) {
    const ValueId h = w.add(w.number(1), w.unary(Unary::erf, w.unary(Unary::affine, in[0], 1 / root, 0)));
    return w.mul(w.mul(w.number(0.5), in[0]), h);
  });
  add("gelu of a scaled value", "gelu", {rows}, [=](Writer w, const Ids& in) {
    const ValueId h = w.add(w.unary(Unary::erf, w.div(in[0], w.number(root))), w.number(1));
    return w.div(w.mul(h, in[0]), w.number(2));
  });
  add("tanh gelu with x^3", "gelu_tanh", {rows}, [=](Writer w, const Ids& in) {
    const ValueId cubic = w.mul(w.unary(Unary::pow, in[0], 3), w.number(0.044715));
    const ValueId h = w.add(w.unary(Unary::tanh, w.mul(w.add(in[0], cubic), w.number(slope))), w.number(1));
    return w.mul(w.mul(in[0], w.number(0.5)), h);
  });
  add("tanh gelu with x * x", "gelu_tanh", {rows}, [=](Writer w, const Ids& in) {
    const ValueId inner = w.add(w.number(1), w.mul(w.mul(w.number(0.044715), in[0]), in[0]));
    const ValueId argument = w.mul(w.mul(in[0], w.number(slope)), inner);
    return w.mul(w.number(0.5), w.mul(in[0], w.add(w.number(1), w.unary(Unary::tanh, argument))));
  });

  const auto centred = [](Writer& w, ValueId x, const Shape& axes) {
    return w.sub(x, w.reduce(ReduceKind::mean, x, axes));
  };
  add("layer normalization with pow, sqrt and div", "normalization", {rows}, [=](Writer w, const Ids& in) {
    const ValueId c = centred(w, in[0], {2});
    const ValueId variance = w.reduce(ReduceKind::mean, w.unary(Unary::pow, c, 2), {2});
    return w.div(c, w.unary(Unary::sqrt, w.add(variance, w.number(1e-3))));
  });
  add("layer normalization over two axes, the mean subtracted twice", "normalization", {rows},
      [=](Writer w, const Ids& in) {
        const ValueId c = centred(w, in[0], {1, 2}), again = centred(w, in[0], {1, 2});
        const ValueId variance = w.reduce(ReduceKind::mean, w.mul(again, again), {1, 2});
        const ValueId s = w.unary(Unary::sqrt, w.unary(Unary::affine, variance, 1, 1e-3));
        return w.mul(w.unary(Unary::reciprocal, s), c);
      });
  add("RMS normalization with a power", "normalization", {rows}, [=](Writer w, const Ids& in) {
    const ValueId square = w.reduce(ReduceKind::mean, w.unary(Unary::pow, in[0], 2), {2});
    return w.mul(in[0], w.unary(Unary::pow, w.add(square, w.number(1e-3)), -0.5));
  });
  add("RMS normalization with 1 / sqrt", "normalization", {rows}, [=](Writer w, const Ids& in) {
    const ValueId square = w.reduce(ReduceKind::mean, w.mul(in[0], in[0]), {2});
    const ValueId root_of = w.unary(Unary::sqrt, w.add(w.number(1e-3), square));
    return w.mul(w.div(w.number(1), root_of), in[0]);
  });

  add(
      "softmax less its maximum", "softmax", {rows},
      [=](Writer w, const Ids& in) {
        const ValueId e = w.unary(Unary::exp, w.sub(in[0], w.reduce(ReduceKind::max, in[0], {1})));
        return w.div(e, w.reduce(ReduceKind::sum, e, {1}));
      },
      false);
  add(
      "softmax without a maximum", "softmax", {rows},
      [=](Writer w, const Ids& in) {
        const ValueId e = w.unary(Unary::exp, in[0]);
        return w.mul(w.unary(Unary::reciprocal, w.reduce(ReduceKind::sum, e, {2})), e);
      },
      false);

  const Shape q{2, 3, 4, 5}, k{2, 3, 6, 5}, v{2, 3, 6, 2};
  add("attention, scaled", "attention", {q, k, v}, [=](Writer w, const Ids& in) {
    const ValueId s = w.div(w.matmul(in[0], in[1], true), w.number(std::sqrt(5.0)));
    return w.matmul(w.softmax(s, 3), in[2]);
  });
  add("attention with keys in columns and a bias", "attention", {q, {2, 3, 5, 6}, v, {2, 1, 1, 6}},
      [=](Writer w, const Ids& in) {
        const ValueId s = w.unary(Unary::affine, w.matmul(in[0], in[1]), 0.3, 0);
        return w.matmul(w.softmax(w.add(in[3], s), 3), in[2]);
      });
  add("attention unscaled, with a full bias", "attention", {{4, 5}, {6, 5}, {6, 2}, {4, 6}},
      [=](Writer w, const Ids& in) {
        return w.matmul(w.softmax(w.add(w.matmul(in[0], in[1], true), in[3]), 1), in[2]);
      });
  return list;
}

}  // namespace mho::testing
