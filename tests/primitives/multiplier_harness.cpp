// What must hold for a primitive's DeepLIFT rule, derived from one case and checked.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "harness.h"

namespace mho::primitives::testing {

namespace {

using kernels::Layout;

class MultiplierExamination {
 public:
  MultiplierExamination(const Case& c, std::uint64_t seed) : c_(c), random_(seed) {
    for (const Input& input : c.inputs) {
      types_.push_back({input.dtype, input.shape});
      plain_.inputs.push_back(Layout::plain);
    }
    outputs_ = c.primitive->infer(types_);
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (c.inputs[i].active) movable_.push_back(i);
    }
    for (const TensorType& type : outputs_) {
      Values m(static_cast<std::size_t>(type.elements()));
      for (double& v : m) v = static_cast<float>(std::uniform_real_distribution(-1.0, 1.0)(random_));
      seeds_.push_back(std::move(m));
    }
  }

  std::string run(const std::optional<Layouts>& blocked) {
    for (std::size_t bits = 1; bits < (std::size_t{1} << movable_.size()); ++bits) {
      Positions active;
      for (std::size_t k = 0; k < movable_.size(); ++k) {
        if ((bits >> k & 1) != 0) active.add(movable_[k]);
      }
      if (c_.primitive->delta_rule(active) == DeltaRule::none) continue;
      draw_runs(active);
      check_sum(active);
      check_reads(active);
      check_magnitudes(active);
      check_cpu(active, plain_, "plain");
      if (blocked) check_cpu(active, *blocked, "blocked");
    }
    return defects_;
  }

 private:
  template <class... Args>
  void defect(fmt::format_string<Args...> message, Args&&... args) {
    defects_ += fmt::format("{} ({}), multipliers: {}\n", c_.primitive->name(), c_.primitive->describe(),
                            fmt::format(message, std::forward<Args>(args)...));
  }

  double draw(const Input& input) {
    return input.dtype == kReal ? static_cast<float>(std::uniform_real_distribution(input.low, input.high)(random_))
                                : std::floor(std::uniform_real_distribution(input.low, input.high + 1)(random_));
  }
  void draw_runs(Positions active) {
    at_input_.clear();
    for (std::size_t i = 0; i < types_.size(); ++i) {
      Values x(static_cast<std::size_t>(types_[i].elements()));
      for (double& v : x) v = draw(c_.inputs[i]);
      at_input_.push_back(c_.inputs[i].values.empty() ? x : c_.inputs[i].values);
    }
    at_reference_ = at_input_;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!active.has(i)) continue;
      for (double& v : at_reference_[i]) {
        const unsigned kind = static_cast<unsigned>(random_() % 8);
        if (kind == 0) continue;
        const bool nudge = kind == 1 && c_.inputs[i].dtype == kReal && v > c_.inputs[i].low && v < c_.inputs[i].high;
        v = nudge ? static_cast<double>(std::nextafter(static_cast<float>(v), 0.0F)) : draw(c_.inputs[i]);
      }
    }
  }

  std::vector<Values> multipliers(kernels::Device& device, const Layouts& layouts, Positions active,
                                  const BackwardReads& given, Evaluation::Absent absent) {
    Evaluation run(device, *c_.primitive, types_, at_input_, layouts);
    Evaluation reference(device, *c_.primitive, types_, at_reference_, layouts);
    auto result = run.multipliers(reference, seeds_, active, active, given, absent);
    if (!run.guards_intact() || !reference.guards_intact()) defect("written behind the end of a tensor");
    return result;
  }
  [[nodiscard]] BackwardReads reads(Positions active) const { return c_.primitive->multiplier_reads(active, active); }

  void check_sum(Positions active) {
    const auto m = multipliers(*reference_, plain_, active, reads(active), Evaluation::Absent::empty);
    Evaluation run(*reference_, *c_.primitive, types_, at_input_, plain_);
    Evaluation reference(*reference_, *c_.primitive, types_, at_reference_, plain_);
    double sum = 0, scale = 1;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      if (!active.has(i)) continue;
      for (std::size_t k = 0; k < m[i].size(); ++k) {
        if (!std::isfinite(m[i][k])) return defect("element {} of input {} is not finite", k, i);
        sum += m[i][k] * (at_input_[i][k] - at_reference_[i][k]);
        scale += std::abs(m[i][k] * (at_input_[i][k] - at_reference_[i][k]));
      }
    }
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      const Values y = run.output(o), r = reference.output(o);
      for (std::size_t k = 0; k < y.size(); ++k) {
        sum -= seeds_[o][k] * (y[k] - r[k]);
        scale += std::abs(y[k]) + std::abs(r[k]);
      }
    }
    if (!(std::abs(sum) <= 1e-12 * scale)) defect("sum to delta misses by {:g} (terms {:g})", sum, scale);
  }

  void check_reads(Positions active) {
    const auto all =
        multipliers(*reference_, plain_, active, {Positions::all(), Positions::all()}, Evaluation::Absent::poisoned);
    for (const Evaluation::Absent absent : {Evaluation::Absent::poisoned, Evaluation::Absent::empty}) {
      if (multipliers(*reference_, plain_, active, reads(active), absent) != all) {
        defect("they read more than multiplier_reads() names");
      }
    }
  }

  void check_magnitudes(Positions active) {
    const std::optional<Magnitudes> magnitudes = c_.primitive->magnitudes(active);
    if (!magnitudes || outputs_[0].dtype != kReal) return;
    std::vector<Values> sizes = at_input_;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      for (std::size_t k = 0; k < sizes[i].size(); ++k) {
        double& v = sizes[i][k];
        if (active.has(i)) v = std::abs(v - at_reference_[i][k]);
        if (!active.has(i) && magnitudes->absolute.has(i)) v = std::abs(v);
        if (!active.has(i) && magnitudes->zero.has(i)) v = 0;
      }
    }
    const Primitive& absolute = magnitudes->primitive ? *magnitudes->primitive : *c_.primitive;
    Evaluation bound(*reference_, absolute, types_, sizes, plain_);
    Evaluation run(*reference_, *c_.primitive, types_, at_input_, plain_);
    Evaluation reference(*reference_, *c_.primitive, types_, at_reference_, plain_);
    const Values b = bound.output(0), y = run.output(0), r = reference.output(0);
    for (std::size_t k = 0; k < b.size(); ++k) {
      const double change = std::abs(y[k] - r[k]);
      const double rounding = 1e-12 * (1 + std::abs(y[k]) + std::abs(r[k]) + b[k]);
      if (change > b[k] + rounding || (!magnitudes->mixes && change < b[k] - rounding)) {
        return defect("magnitudes() give {:g} for a change of {:g}", b[k], change);
      }
    }
  }

  void check_cpu(Positions active, const Layouts& layouts, std::string_view what) {
    const auto expected = multipliers(*reference_, plain_, active, reads(active), Evaluation::Absent::empty);
    const auto actual = multipliers(*cpu_, layouts, active, reads(active), Evaluation::Absent::empty);
    for (std::size_t i = 0; i < types_.size(); ++i) {
      // Where a difference is a few roundings of float, the devices may take slope or ratio: contributions are
      // compared.
      double worst = 0, scale = 1e-3;
      for (std::size_t k = 0; active.has(i) && k < expected[i].size(); ++k) {
        const double delta = at_input_[i][k] - at_reference_[i][k];
        worst = std::max(worst, std::abs(expected[i][k] - actual[i][k]) * std::min(1.0, std::abs(delta)));
        scale = std::max(scale, std::abs(expected[i][k]));
        if (!std::isfinite(actual[i][k])) worst = INFINITY;
      }
      if (!(worst <= 2e-5 * scale)) {
        defect("CPU ({}) differs from the reference by {:g} in input {} (largest {:g})", what, worst, i, scale);
      }
    }
  }

  const Case& c_;
  std::mt19937_64 random_;
  std::unique_ptr<kernels::Device> reference_ = kernels::make_reference_device();
  std::unique_ptr<kernels::Device> cpu_ = kernels::make_cpu_device(1);
  std::vector<TensorType> types_, outputs_;
  Layouts plain_;
  std::vector<std::size_t> movable_;
  std::vector<Values> seeds_, at_input_, at_reference_;
  std::string defects_;
};

}  // namespace

std::string multiplier_defects(const Case& c, std::uint64_t seed, const std::optional<Layouts>& blocked) {
  return MultiplierExamination(c, seed).run(blocked);
}

}  // namespace mho::primitives::testing
