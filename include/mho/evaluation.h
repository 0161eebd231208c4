// Which measure can be trusted on this model? How well each predicts what happens when neurons are taken away.
#pragma once

#include <mho/attribution.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mho {

/// One measure to be judged.
struct EvaluatedMethod {
  std::string name;  ///< of its rows
  Method method = Method::kNig;
  std::vector<RuleChoice> rules = {};  ///< kDeepLift only
};
/// "nig", or "deeplift:RULE" for DeepLIFT with one rule for all nodes. Throws Error(kInvalidArgument) listing the names
/// for others, and for "ig", which has no layers.
[[nodiscard]] EvaluatedMethod parse_evaluated_method(std::string_view text);

/// What examples are summarised by.
enum class Statistic { kMean, kMedian };

struct EvaluationRequest {
  /// Of all methods: layers, target, baseline, path, machine. `ablation` says what a unit is and what replaces it;
  /// values of a unit's neurons are summed. `method`, `rules`, `multipliers` and `split_by_input` are not read.
  Request request;
  std::vector<EvaluatedMethod> methods = {{"nig", Method::kNig},
                                          {"deeplift", Method::kDeepLift},
                                          {"internal_influence", Method::kInternalInfluence},
                                          {"gradient_x_activation", Method::kGradientXActivation},
                                          {"activation", Method::kActivation}};
  std::int64_t curve_points = 50;    ///< runs per curve, spaced over the units
  std::int64_t single_units = 1000;  ///< units ablated one by one; of more a sample, the same for all examples
  std::int64_t top = 10;             ///< first units compared by `overlap`
  std::int64_t subsets = 100;        ///< random subsets per example for the infidelity; 0: none
  std::int64_t noises = 10;          ///< noisy inputs per example for the max-sensitivity; 0: none
  double radius = 0.02;              ///< of the noise, as a part of the input's range over all examples
  std::int64_t resamples = 1000;     ///< of the bootstrap; 0: no intervals
  double confidence = 0.95;
  Statistic statistic = Statistic::kMean;
  std::uint64_t seed = 0;
};

/// Per example, of values v over the units of one layer. F_S is F with the units of S replaced; areas are by trapezoids
/// over the part of the units, from 0 to 1. The first units are those of largest v, or of smallest where F(x) < F(x'):
/// those that brought F from F(x') to F(x).
enum class Metric {
  kDeletionArea,      ///< below the curve (F_S - F(x')) / (F(x) - F(x')), S the first k units: small is good
  kInsertionArea,     ///< likewise, S all but the first k units: large is good
  kSpearman,          ///< rank correlation of v with F - F_{u}, unit by unit; ties have their average rank
  kKendall,           ///< tau-b, likewise
  kCompleteness,      ///< |sum v - (F(x) - F(x'))| by max(sum |v|, |F(x)|, |F(x')|); cuts only
  kInfidelity,        ///< E (sum_S v - (F - F_S))^2 / E (F - F_S)^2 over random S (arXiv 1901.09392, definition 2.1)
  kInfidelityScaled,  ///< the same with v times the factor that makes it least: for measures that are no contributions
  kMaxSensitivity,    ///< max over noise of |v(x + noise) - v(x)|_2 / |v(x)|_2 (arXiv 1901.09392, definition 3.1)
};
inline constexpr std::size_t kMetrics = 8;
/// "deletion_area", …
[[nodiscard]] const char* to_string(Metric metric) noexcept;

/// A number per example, NaN where it is not defined; their statistic, and its percentile bootstrap interval over
/// examples, NaN where there is none.
struct Score {
  std::vector<double> per_example;
  double value = 0;
  double low = 0;
  double high = 0;
};

/// The statistic over examples, point by point, with its interval.
struct Curve {
  std::vector<double> value;
  std::vector<double> low;
  std::vector<double> high;
};

struct MethodEvaluation {
  std::string name;
  /// No method but something to judge them by: "random" (units in random order), "reversed" (the first method with its
  /// sign turned), "ablation" (unit by unit: only where all units were ablated).
  bool is_reference = false;
  std::array<Score, kMetrics> scores;
  Curve deletion;   ///< at LayerEvaluation::removed units
  Curve insertion;  ///< at as many units put back

  [[nodiscard]] const Score& score(Metric metric) const { return scores[static_cast<std::size_t>(metric)]; }
};

struct LayerEvaluation {
  std::string name;
  std::string node;
  std::string op;
  bool cut = false;
  std::int64_t units = 0;
  std::int64_t single_units = 0;      ///< ablated one by one
  std::vector<std::int64_t> removed;  ///< numbers of units, from 0 to all
  std::vector<MethodEvaluation> methods;
  /// [methods][methods]: which part of the first `top` units two methods share, mean over examples.
  std::vector<std::vector<double>> overlap;
};

struct MethodCost {
  std::string name;
  double seconds = 0;      ///< per example, for all layers together
  double evaluations = 0;  ///< likewise
};

struct Evaluation {
  std::vector<LayerEvaluation> layers;
  std::vector<MethodCost> costs;  ///< of the methods, without references
  std::vector<double> f_input;
  std::vector<double> f_baseline;
  std::vector<std::int64_t> target;
  std::string target_tensor;
  std::string target_note;
  std::map<std::string, std::string> metadata;  ///< everything needed to repeat the run
};

/// Judges the methods. Random numbers depend on the seed, the layer's and the example's number alone: threads and
/// micro-batches change nothing beyond rounding. For the rank
/// correlations values are rounded to multiples of 2^-21 (double precision: 2^-42) of F, or of the largest value, so
/// that what differs by rounding alone is tied. Throws Error as attribute(), with the method's name where one
/// fails, kInvalidArgument for options that make no sense.
[[nodiscard]] Evaluation evaluate(const Model& model, const Inputs& inputs, const EvaluationRequest& request = {});

}  // namespace mho
