// The names of methods, quadratures and rules, as written on command lines and in results.
#include <fmt/format.h>
#include <mho/attribution.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mho {

namespace {

constexpr std::array kMethods = {
    std::pair{Method::kNig, "nig"},
    std::pair{Method::kConductance, "conductance"},
    std::pair{Method::kIg, "ig"},
    std::pair{Method::kActivation, "activation"},
    std::pair{Method::kGradient, "gradient"},
    std::pair{Method::kGradientXActivation, "gradient_x_activation"},
    std::pair{Method::kInternalInfluence, "internal_influence"},
    std::pair{Method::kDeepLift, "deeplift"},
    std::pair{Method::kGradCam, "grad_cam"},
    std::pair{Method::kLrp, "lrp"},
    std::pair{Method::kAblation, "ablation"},
};
constexpr std::array kQuadratures = {
    std::pair{Quadrature::kAdaptive, "adaptive"}, std::pair{Quadrature::kLeft, "left"},
    std::pair{Quadrature::kRight, "right"},       std::pair{Quadrature::kTrapezoid, "trapezoid"},
    std::pair{Quadrature::kMidpoint, "midpoint"}, std::pair{Quadrature::kGaussLegendre, "gauss_legendre"},
    std::pair{Quadrature::kSecant, "secant"},     std::pair{Quadrature::kExact, "exact"},
};

constexpr std::array kRules = {
    std::pair{DeepLiftRule::kRescale, "rescale"},   std::pair{DeepLiftRule::kRevealCancel, "reveal_cancel"},
    std::pair{DeepLiftRule::kGenomics, "genomics"}, std::pair{DeepLiftRule::kGradient, "gradient"},
    std::pair{DeepLiftRule::kLinear, "linear"},
};

constexpr std::array kPositions = {
    std::pair{PositionAggregate::kNone, "none"},
    std::pair{PositionAggregate::kSum, "sum"},
    std::pair{PositionAggregate::kAbsSum, "abs_sum"},
    std::pair{PositionAggregate::kMax, "max"},
};

struct LrpName {
  LrpRuleKind kind;
  std::string_view name;
  double parameter;
};
constexpr std::array kLrpRules = {LrpName{LrpRuleKind::kEpsilon, "epsilon", 1e-9},
                                  LrpName{LrpRuleKind::kGamma, "gamma", 0.25},
                                  LrpName{LrpRuleKind::kAlphaBeta, "alphabeta", 2}};

constexpr std::array kUnits = {
    std::pair{AblationUnit::kNeuron, "neuron"},
    std::pair{AblationUnit::kChannel, "channel"},
};
constexpr std::array kReplacements = {
    std::pair{Replacement::kBaseline, "baseline"},
    std::pair{Replacement::kZero, "zero"},
    std::pair{Replacement::kMean, "mean"},
};

template <class Table, class Value>
const char* name_of(const Table& table, Value wanted) noexcept {
  for (const auto& [value, name] : table) {
    if (value == wanted) return name;
  }
  return "";
}

template <class Value, std::size_t N>
std::optional<Value> value_of(const std::array<std::pair<Value, const char*>, N>& table, std::string_view text) {
  for (const auto& [value, name] : table) {
    if (text == name) return value;
  }
  return std::nullopt;
}

}  // namespace

const char* to_string(Method method) noexcept { return name_of(kMethods, method); }
const char* to_string(Quadrature quadrature) noexcept { return name_of(kQuadratures, quadrature); }
const char* to_string(DeepLiftRule rule) noexcept { return name_of(kRules, rule); }
const char* to_string(PositionAggregate aggregate) noexcept { return name_of(kPositions, aggregate); }
std::string to_string(const LrpRule& rule) {
  const auto row = std::ranges::find(kLrpRules, rule.kind, &LrpName::kind);
  return fmt::format("{}:{:g}", row->name, rule.parameter);
}
std::optional<Method> parse_method(std::string_view text) { return value_of(kMethods, text); }
std::optional<Quadrature> parse_quadrature(std::string_view text) { return value_of(kQuadratures, text); }
const char* to_string(AblationUnit unit) noexcept { return name_of(kUnits, unit); }
const char* to_string(Replacement replacement) noexcept { return name_of(kReplacements, replacement); }
std::optional<AblationUnit> parse_ablation_unit(std::string_view text) { return value_of(kUnits, text); }
std::optional<Replacement> parse_replacement(std::string_view text) { return value_of(kReplacements, text); }
std::optional<DeepLiftRule> parse_rule(std::string_view text) { return value_of(kRules, text); }
std::optional<PositionAggregate> parse_positions(std::string_view text) { return value_of(kPositions, text); }
std::optional<LrpRule> parse_lrp_rule(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto row = std::ranges::find(kLrpRules, text.substr(0, colon), &LrpName::name);
  if (row == kLrpRules.end()) return std::nullopt;
  if (colon == std::string_view::npos) return LrpRule{row->kind, row->parameter};
  const std::string_view digits = text.substr(colon + 1);
  LrpRule rule{row->kind, 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rule.parameter);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return rule;
}

}  // namespace mho
