// From one case (a primitive and its inputs) everything that must hold for a primitive is derived and checked.
#include "harness.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "evaluation.h"

namespace mho::primitives::testing {

namespace {

using kernels::Layout;

double largest(const Values& values) {
  double most = 0;
  for (const double v : values) most = std::max(most, std::abs(v));
  return most;
}

/// Largest |a - b|; infinite where one of them is NaN and the other is not.
double distance(const Values& a, const Values& b) {
  if (a.size() != b.size()) return INFINITY;
  double most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return INFINITY;
    if (a[i] != b[i] && !std::isnan(a[i])) most = std::max(most, std::abs(a[i] - b[i]));
  }
  return most;
}

class Examination {
 public:
  Examination(const Case& c, std::uint64_t seed) : c_(c), random_(seed) {
    for (const Input& input : c.inputs) types_.push_back({input.dtype, input.shape});
    outputs_ = c.primitive->infer(types_);
    plain_ = layouts_of(std::vector<bool>(types_.size(), false), false);
    inputs_ = draw_inputs(true);
    for (const TensorType& type : outputs_) cotangents_.push_back(draw_values(type, -1, 1));
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (c.inputs[i].active) active_.push_back(i);
    }
  }

  std::string run() {
    check_forward();
    if (!defects_.empty()) return defects_;
    check_gradient();
    check_affine();
    check_backward_reads();
    check_cpu();
    return defects_ + multiplier_defects(c_, random_(), blocked_layouts());
  }

 private:
  template <class... Args>
  void defect(fmt::format_string<Args...> message, Args&&... args) {
    std::string shapes;
    for (const TensorType& type : types_) shapes += fmt::format(" {}", to_string(type.shape));
    defects_ += fmt::format("{} ({}) of{}: {}\n", c_.primitive->name(), c_.primitive->describe(), shapes,
                            fmt::format(message, std::forward<Args>(args)...));
  }

  Values draw_values(const TensorType& type, double low, double high) {
    Values values(static_cast<std::size_t>(type.elements()));
    for (double& v : values) {
      // Rounded to float, so that both devices start from the same numbers.
      v = type.is_real() ? static_cast<float>(std::uniform_real_distribution(low, high)(random_))
                         : std::floor(std::uniform_real_distribution(low, high + 1)(random_));
    }
    return values;
  }
  /// Other inputs: only active ones may differ from stated values, which others may need to have.
  std::vector<Values> draw_inputs(bool stated) {
    std::vector<Values> inputs;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      const Input& input = c_.inputs[i];
      const bool given = (stated || !input.active) && !input.values.empty();
      inputs.push_back(given ? input.values : draw_values(types_[i], input.low, input.high));
    }
    return inputs;
  }
  Layouts layouts_of(const std::vector<bool>& blocked, bool outputs) const {
    Layouts layouts;
    for (const bool b : blocked) layouts.inputs.push_back(b ? Layout::blocked : Layout::plain);
    layouts.outputs = outputs ? Layout::blocked : Layout::plain;
    return layouts;
  }
  Evaluation evaluate(const std::vector<Values>& inputs) {
    return {*reference_, *c_.primitive, types_, inputs, plain_};
  }
  std::vector<Values> outputs_at(const std::vector<Values>& inputs) {
    Evaluation evaluation = evaluate(inputs);
    std::vector<Values> outputs;
    for (std::size_t i = 0; i < outputs_.size(); ++i) outputs.push_back(evaluation.output(i));
    return outputs;
  }
  Positions set_of(std::size_t bits) const {
    Positions set;
    for (std::size_t k = 0; k < active_.size(); ++k) {
      if ((bits >> k & 1) != 0) set.add(active_[k]);
    }
    return set;
  }

  void check_forward() {
    Evaluation evaluation = evaluate(inputs_);
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Values y = evaluation.output(i);
      if (outputs_[i].is_real() && !std::ranges::all_of(y, [](double v) { return std::isfinite(v); })) {
        defect("output {} of shape {} has elements that are not finite (or not written)", i,
               to_string(outputs_[i].shape));
      }
    }
    if (!evaluation.guards_intact()) defect("forward wrote behind the end of a tensor");
    if (!c_.expected.empty() && distance(evaluation.output(0), c_.expected) > 1e-12 * (1 + largest(c_.expected))) {
      std::string values;
      for (const double v : evaluation.output(0)) values += fmt::format(" {:g}", v);
      defect("output is{}", values);
    }
  }

  /// (L(x + h) - L(x - h)) / 2h for L = cotangents . outputs, and the one-sided differences.
  struct Difference {
    double central, right, left;
  };
  Difference difference(const std::vector<Values>& inputs, std::size_t input, std::size_t element, double h,
                        const std::vector<Values>& y) {
    std::vector<Values> moved = inputs;
    moved[input][element] += h;
    const std::vector<Values> up = outputs_at(moved);
    moved[input][element] = inputs[input][element] - h;
    const std::vector<Values> down = outputs_at(moved);
    Difference d{0, 0, 0};
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t k = 0; k < y[i].size(); ++k) {
        d.central += cotangents_[i][k] * (up[i][k] - down[i][k]) / (2 * h);
        d.right += cotangents_[i][k] * (up[i][k] - y[i][k]) / h;
        d.left += cotangents_[i][k] * (y[i][k] - down[i][k]) / h;
      }
    }
    return d;
  }

  // Where all outputs hang on a few elements, one kink near the point spoils every difference: other points get a
  // chance.
  void check_gradient() {
    if (active_.empty()) return;
    std::string too_many_kinks;
    for (int trial = 0; trial < kChances; ++trial) {
      too_many_kinks = check_gradient(trial == 0 ? inputs_ : draw_inputs(true));
      if (too_many_kinks.empty()) return;
    }
    defect("{}", too_many_kinks);
  }

  /// Compares the gradients at `inputs`; what it returns says where too few elements could be compared.
  std::string check_gradient(const std::vector<Values>& inputs) {
    const Positions wanted = set_of(~std::size_t{0});
    Evaluation evaluation = evaluate(inputs);
    const std::vector<Values> gradients =
        evaluation.gradients(cotangents_, wanted, c_.primitive->backward_reads(wanted), Evaluation::Absent::empty);
    if (!evaluation.guards_intact()) defect("vjp wrote behind the end of a tensor");
    const std::vector<Values> y = outputs_at(inputs);
    constexpr double kStep = 1e-5;
    constexpr std::size_t kMost = 24;  // elements per input
    for (const std::size_t i : active_) {
      const Values& gradient = gradients[i];
      if (!c_.primitive->differentiable() || !types_[i].is_real()) {
        if (largest(gradient) != 0 || distance(gradient, Values(gradient.size())) != 0) {
          defect("gradient of input {} is not zero though nothing is differentiable", i);
        }
        continue;
      }
      const double scale = std::max(1.0, largest(gradient));
      std::size_t kinks = 0;
      const std::size_t stride = std::max<std::size_t>(1, gradient.size() / kMost);
      std::size_t tried = 0;
      for (std::size_t k = random_() % stride; k < gradient.size(); k += stride, ++tried) {
        const Difference d = difference(inputs, i, k, kStep, y);
        if (std::abs(d.central - gradient[k]) <= 1e-6 * scale) continue;
        // With half the step a smooth function has the same central difference and half the jump of slope; a kink
        // between x - h and x + h fails one of the two wherever it lies.
        const Difference half = difference(inputs, i, k, kStep / 2, y);
        if (std::abs(d.central - half.central) > 1e-7 * scale ||
            std::abs((d.right - d.left) - 2 * (half.right - half.left)) > 1e-7 * scale) {
          ++kinks;
        } else {
          defect("gradient of input {} at element {} is {:.9g}, by differences {:.9g}", i, k, gradient[k], d.central);
        }
      }
      if (kinks * 4 > tried && c_.inputs[i].values.empty()) {
        return fmt::format("input {} has kinks at {} of {} points", i, kinks, tried);
      }
    }
    return {};
  }

  // f is affine if and only if f((1-t) a + t b) = (1-t) f(a) + t f(b). Points between a and b stay in the domain.
  void check_affine() {
    for (std::size_t bits = 1; bits < (std::size_t{1} << active_.size()); ++bits) {
      const Positions set = set_of(bits);
      bool real = true;
      for (std::size_t i = 0; i < types_.size(); ++i) real = real && (!set.has(i) || types_[i].is_real());
      if (!real) continue;
      // Few elements may all lie on one side of a kink: what is said not to be affine gets several chances to show it.
      double violation = 0;
      double scale = 1;
      const bool affine = c_.primitive->affine(set);
      for (int trial = 0; trial < (affine ? 4 : kChances) && (affine || violation <= 1e-9 * scale); ++trial) {
        const double t = std::array{0.5, 0.25, 0.8, 0.1}[static_cast<std::size_t>(trial % 4)];
        const std::vector<Values> a = trial < 4 ? inputs_ : draw_inputs(false);
        std::vector<Values> b = draw_inputs(false);
        std::vector<Values> between = a;
        for (std::size_t i = 0; i < a.size(); ++i) {
          if (!set.has(i)) b[i] = a[i];
          for (std::size_t k = 0; k < a[i].size(); ++k) between[i][k] = a[i][k] + t * (b[i][k] - a[i][k]);
        }
        const std::vector<Values> fa = outputs_at(a);
        const std::vector<Values> fb = outputs_at(b);
        const std::vector<Values> fm = outputs_at(between);
        for (std::size_t o = 0; o < fa.size(); ++o) {
          Values mixed(fa[o].size());
          for (std::size_t k = 0; k < mixed.size(); ++k) mixed[k] = fa[o][k] + t * (fb[o][k] - fa[o][k]);
          violation = std::max(violation, distance(mixed, fm[o]));
          scale = std::max(scale, largest(fm[o]));
        }
      }
      if (affine != (violation <= 1e-9 * scale)) {
        defect("affine() says {} for the set of active inputs {:b}, but the values differ by {:g}", affine, bits,
               violation);
      }
    }
  }

  void check_backward_reads() {
    for (std::size_t bits = 1; bits < (std::size_t{1} << active_.size()); ++bits) {
      const BackwardReads reads = c_.primitive->backward_reads(set_of(bits));
      if (!gradients_same_without_unread(inputs_, bits, reads)) continue;
      // And nothing in vain: without any one of the named tensors the result is another, at some inputs at least.
      for (std::size_t i = 0; i < types_.size(); ++i) {
        if (reads.inputs.has(i) && !matters(bits, {all_but(i), Positions::all()})) {
          defect("vjp for the inputs {:b} does not need input {}, which backward_reads() names", bits, i);
        }
      }
      for (std::size_t i = 0; i < outputs_.size(); ++i) {
        if (reads.outputs.has(i) && !matters(bits, {Positions::all(), all_but(i)})) {
          defect("vjp for the inputs {:b} does not need output {}, which backward_reads() names", bits, i);
        }
      }
    }
  }
  /// Whether vjp() gives other gradients with only `given` there than with everything there.
  bool differs(const std::vector<Values>& inputs, std::size_t bits, const BackwardReads& given,
               Evaluation::Absent absent) {
    Evaluation evaluation = evaluate(inputs);
    const auto all = evaluation.gradients(cotangents_, set_of(bits), {Positions::all(), Positions::all()}, absent);
    const auto some = evaluation.gradients(cotangents_, set_of(bits), given, absent);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (distance(all[i], some[i]) != 0) return true;
    }
    return false;
  }
  bool gradients_same_without_unread(const std::vector<Values>& inputs, std::size_t bits, const BackwardReads& reads) {
    if (differs(inputs, bits, reads, Evaluation::Absent::poisoned)) {
      defect("vjp for the inputs {:b} reads more than backward_reads() names", bits);
      return false;
    }
    if (differs(inputs, bits, reads, Evaluation::Absent::empty)) {
      defect("vjp for the inputs {:b} differs with unread tensors left out", bits);
    }
    return true;
  }
  bool matters(std::size_t bits, const BackwardReads& without_one) {
    if (differs(inputs_, bits, without_one, Evaluation::Absent::poisoned)) return true;
    for (int trial = 0; trial < kChances; ++trial) {
      if (differs(draw_inputs(false), bits, without_one, Evaluation::Absent::poisoned)) return true;
    }
    return false;
  }
  static Positions all_but(std::size_t position) {
    Positions set;
    for (std::size_t i = 0; i < 63; ++i) {
      if (i != position) set.add(i);
    }
    return set;
  }

  void check_cpu() {
    compare_cpu(plain_, "plain");
    if (const std::optional<Layouts> layouts = blocked_layouts()) compare_cpu(*layouts, "blocked");
  }
  void compare_cpu(const Layouts& layouts, std::string_view what) {
    constexpr double kTolerance = 1e-5;
    Evaluation expected = evaluate(inputs_);
    Evaluation actual(*cpu_, *c_.primitive, types_, inputs_, layouts);
    // Rounding is relative to the size of the map, not to this one result: sums may happen to cancel.
    const std::vector<Values> elsewhere = outputs_at(draw_inputs(false));
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const Values y = expected.output(i);
      const double d = distance(y, actual.output(i));
      const double scale = std::max(largest(y), largest(elsewhere[i]));
      if (!(d <= kTolerance * scale)) {
        defect("CPU ({}) differs from the reference by {:g} in output {} (largest {:g})", what, d, i, scale);
      }
    }
    const Positions wanted = set_of(~std::size_t{0});
    if (active_.empty()) return;
    const BackwardReads reads = c_.primitive->backward_reads(wanted);
    const auto g = expected.gradients(cotangents_, wanted, reads, Evaluation::Absent::empty);
    const auto h = actual.gradients(cotangents_, wanted, reads, Evaluation::Absent::empty);
    std::vector<Values> others;
    for (const TensorType& type : outputs_) others.push_back(draw_values(type, -1, 1));
    const auto other = expected.gradients(others, wanted, reads, Evaluation::Absent::empty);
    for (const std::size_t i : active_) {
      const double d = distance(g[i], h[i]);
      const double scale = std::max(largest(g[i]), largest(other[i]));
      if (!(d <= kTolerance * std::max(scale, 1e-3))) {
        defect("CPU ({}) differs from the reference by {:g} in the gradient of input {} (largest {:g})", what, d, i,
               scale);
      }
    }
    if (!actual.guards_intact()) defect("CPU ({}) wrote behind the end of a tensor", what);
  }

  /// What the Plan would choose on a device with a blocked layout, if anything.
  std::optional<Layouts> blocked_layouts() const {
    const Shape& y = outputs_[0].shape;
    const auto may_block = [](const Shape& shape) { return shape.size() >= 3 && shape.size() <= 5; };
    const LayoutRule rule = c_.primitive->layout_rule();
    if (rule == LayoutRule::plain || !may_block(y) || !outputs_[0].is_real()) return std::nullopt;
    std::vector<bool> blocked(types_.size(), false);
    switch (rule) {
      case LayoutRule::plain:
        return std::nullopt;
      case LayoutRule::elementwise:
        for (std::size_t i = 0; i < types_.size(); ++i) {
          Shape channels(y.size(), 1);
          channels[1] = y[1];
          blocked[i] = types_[i].shape == y;
          if (!blocked[i] && types_[i].shape != channels && types_[i].elements() != 1) return std::nullopt;
        }
        break;
      case LayoutRule::spatial:
        blocked[0] = true;
        break;
      case LayoutRule::channels:
        if (!c_.primitive->blocked_boundaries(types_, outputs_)) return std::nullopt;
        blocked.assign(types_.size(), true);
        break;
      case LayoutRule::convolution: {
        const auto facts = as_convolution(*c_.primitive);
        if (cpu_->convolution_layout(facts->attributes, types_[0].shape, types_[1].shape) == Layout::plain) {
          return std::nullopt;
        }
        blocked[0] = true;
        if (facts->fusion.residual) blocked.back() = true;
        break;
      }
    }
    if (std::ranges::find(blocked, true) == blocked.end()) return std::nullopt;
    return layouts_of(blocked, true);
  }

  static constexpr int kChances = 40;

  const Case& c_;
  std::mt19937_64 random_;
  std::unique_ptr<kernels::Device> reference_ = kernels::make_reference_device();
  std::unique_ptr<kernels::Device> cpu_ = kernels::make_cpu_device(1);
  std::vector<TensorType> types_;
  std::vector<TensorType> outputs_;
  Layouts plain_;
  std::vector<Values> inputs_;
  std::vector<Values> cotangents_;
  std::vector<std::size_t> active_;
  std::string defects_;
};

}  // namespace

std::string defects(const Case& c, std::uint64_t seed) { return Examination(c, seed).run(); }

std::vector<std::vector<double>> reference_gradients(const Case& c, const std::vector<double>& gy) {
  std::vector<TensorType> types;
  std::vector<Values> values;
  Positions wanted;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    types.push_back({c.inputs[i].dtype, c.inputs[i].shape});
    values.push_back(c.inputs[i].values);
    if (c.inputs[i].active) wanted.add(i);
  }
  const std::unique_ptr<kernels::Device> device = kernels::make_reference_device();
  Evaluation evaluation(*device, *c.primitive, types, values, {std::vector<Layout>(types.size(), Layout::plain)});
  return evaluation.gradients({gy}, wanted, c.primitive->backward_reads(wanted), Evaluation::Absent::empty);
}

bool refuses(const PrimitivePtr& primitive, const std::vector<TensorType>& inputs) {
  try {
    static_cast<void>(primitive->infer(inputs));
  } catch (const Error& error) {
    return error.code() != Code::kInternal;
  }
  return false;
}

}  // namespace mho::primitives::testing
