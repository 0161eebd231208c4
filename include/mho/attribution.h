// Which neurons made this prediction, and how much did each contribute: the measures of MATHS.md.
#pragma once

#include <mho/model.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace mho {

enum class Method {
  kNig,                  ///< Neuron Integrated Gradients = Total Conductance (arXiv 1807.09946)
  kConductance,          ///< the definition (arXiv 1805.12233), one backward pass per neuron; can be split by input
  kIg,                   ///< Integrated Gradients at the input (arXiv 1703.01365)
  kActivation,           ///< y
  kGradient,             ///< dF/dy at x
  kGradientXActivation,  ///< y * dF/dy at x
  kInternalInfluence,    ///< integral of dF/dy along the path (arXiv 1802.03788)
  kDeepLift,             ///< multiplier * (y - y') of DeepLIFT (arXiv 1704.02685)
  kGradCam,              ///< relu(sum over channels of mean(dF/dy) * y), a map per layer (arXiv 1610.02391)
  kLrp,                  ///< layer-wise relevance propagation (doi 10.1371/journal.pone.0130140; docs/lrp.md)
  kAblation,             ///< F(x) - F(x with one unit of the layer replaced), run again unit by unit (AblationOptions)
};

enum class Quadrature {
  kAdaptive,  ///< secants where the model has kinks, else trapezoids, until the estimated error is within the
              ///< tolerance; points closer together near x' where most bends there, secants' then where errors arise.
              ///< With `steps`: so many segments, graded only
  kLeft,       ///< sum g_k (y_{k+1} - y_k)
  kRight,      ///< sum g_{k+1} (y_{k+1} - y_k)
  kTrapezoid,  ///< sum (g_k + g_{k+1})/2 (y_{k+1} - y_k)
  kMidpoint,   ///< sum g_{k+1/2} (y_{k+1} - y_k)
  kSecant,     ///< sum m_k (y_{k+1} - y_k), m_k DeepLIFT's multipliers (Rescale) between neighbouring points: complete
               ///< for any number of segments; adaptive where none is given
  kExact,      ///< piecewise linear networks only: the sum over all linear pieces of the path (arXiv 1908.06214), exact
               ///< to the rounding of float64, in which it computes whatever the model's precision
  kGaussLegendre,  ///< nodes of Gauss and Legendre, with dy/dalpha from differences between the ends of their cells
};

/// F: which number the attribution explains.
struct ArgmaxTarget {};                            ///< per example, the largest element at x
struct IndexTarget {                               ///< flat or tuple index into one example's output
  std::vector<std::vector<std::int64_t>> indices;  ///< one for all examples, or one per example
};
struct DifferenceTarget {  ///< F = output[plus] - output[minus]
  std::vector<std::int64_t> plus;
  std::vector<std::int64_t> minus;
};
struct WeightedTarget {  ///< F = sum of weights[i] * output[i] over one example's flattened output
  std::vector<double> weights;
};
using Target = std::variant<ArgmaxTarget, IndexTarget, DifferenceTarget, WeightedTarget>;

/// x': a number for every element, the mean of the given inputs, or arrays with one example or as many as the input.
struct MeanBaseline {};
/// Attributions are averaged over these references: kDeepLift (DeepSHAP) and the measures along paths (expected
/// gradients, arXiv 1906.10670, of which GradientSHAP is a Monte Carlo estimate); no others. Every array has one
/// example or as many as the others.
struct ReferenceSet {
  Inputs references;
};
/// For the same measures: the average over shuffles of each example's own sequence that keep its pairs of neighbouring
/// letters. For inputs that are one-hot, [letters, positions] or [positions, letters]; other inputs stay as they are.
struct DinucleotideShuffles {
  std::int64_t count = 20;
  std::uint64_t seed = 0;
};
using Baseline = std::variant<double, MeanBaseline, Inputs, ReferenceSet, DinucleotideShuffles>;

/// How DeepLIFT's multipliers pass what is not linear (docs/deeplift.md).
enum class DeepLiftRule {
  kRescale,       ///< (y - y') / (x - x'), and its like for every operator: sums are exact
  kRevealCancel,  ///< activations treat positive and negative changes apart: sums are exact
  kGenomics,      ///< RevealCancel behind matrix products, Rescale elsewhere (the default of kundajelab/deeplift)
  kGradient,      ///< dy/dx at x: sums are not exact
  kLinear,        ///< as if y = x: sums are not exact
};
struct RuleChoice {
  std::string nodes = "*";  ///< ONNX node name or glob, or ONNX operator type
  DeepLiftRule rule = DeepLiftRule::kRescale;
};

/// How relevance passes nodes that sum (docs/lrp.md; Montavon et al. 2019, doi 10.1007/978-3-030-28954-6_10).
enum class LrpRuleKind {
  kEpsilon,    ///< in proportion to the contributions w x; a sum z is divided by z + epsilon sign(z)
  kGamma,      ///< in proportion to (w + gamma max(w, 0)) x
  kAlphaBeta,  ///< alpha times in proportion to the positive w x, less beta times to the negative ones; beta = alpha -
               ///< 1
};
struct LrpRule {
  LrpRuleKind kind = LrpRuleKind::kEpsilon;
  double parameter = 1e-9;  ///< epsilon >= 0, gamma >= 0, or alpha >= 1
};
struct LrpRuleChoice {
  std::string nodes = "*";  ///< ONNX node name or glob, or ONNX operator type
  LrpRule rule = {};
};

/// What becomes of a layer's positions: of a layer [channels, positions...], one value per channel. Layers without
/// positions stay as they are.
enum class PositionAggregate {
  kNone,    ///< every position
  kSum,     ///< sum over the positions: complete where the values are
  kAbsSum,  ///< sum of magnitudes
  kMax,     ///< largest value
};

/// kAblation: what is replaced at once, and by what. Everything behind the layer is run again, what bypasses it stays
/// as it is at x. Measures are ranked against this in arXiv 1807.09946.
enum class AblationUnit {
  kNeuron,   ///< single elements; values are [examples, layer shape...]
  kChannel,  ///< all elements with one index on axis 1 of the layer's tensor; values are [examples, channels]
};
enum class Replacement {
  kBaseline,  ///< the layer's activation at x'
  kZero,
  kMean,  ///< the mean of the layer's activations at x over the examples given
};
struct AblationOptions {
  AblationUnit unit = AblationUnit::kNeuron;
  Replacement replacement = Replacement::kBaseline;
  /// In place of `unit`: flat indices into one example's tensor, replaced together; values are [examples, groups].
  std::vector<std::vector<std::int64_t>> groups;
};

struct Progress {
  std::int64_t examples_done = 0;
  std::int64_t examples = 0;  ///< 0 while they are not counted yet
  std::int64_t evaluations = 0;
};

struct Request {
  Method method = Method::kNig;
  /// ONNX tensor names, node names and globs (`*`, `?`). Empty: every cut layer. kIg ignores it.
  std::vector<std::string> layers;
  /// Tensors at which the path begins; whatever does not come from them stays as it is at x. Empty: the real inputs and
  /// the embeddings of integer inputs (Gather of an initializer). An Inputs baseline may have arrays for them, of one
  /// element or of their shape; otherwise they begin at what the inputs' baselines lead to.
  std::vector<std::string> at;
  Target target = ArgmaxTarget{};
  std::string output;                ///< tensor that F is taken from: an output ("": the first), or any other: neurons
  bool probability = false;          ///< keep a final Softmax or Sigmoid (default: attribute its input)
  bool subtract_class_mean = false;  ///< F minus the mean over all elements of its tensor (arXiv 1704.02685, 3.6)
  Baseline baseline = 0.0;
  Quadrature quadrature = Quadrature::kAdaptive;
  double tolerance = 1e-2;                ///< relative L1 error per example and layer (kAdaptive)
  std::int64_t steps = 0;                 ///< segments; 0: by the tolerance (kAdaptive, kSecant), kExact
  std::int64_t max_steps = 1024;          ///< kAdaptive gives up here and says so in `converged`
  std::int64_t max_breakpoints = 20'000;  ///< kExact: more of them for an example are an Error(kLimit)
  std::vector<RuleChoice> rules;          ///< kDeepLift: Rescale, but for these; the last one wins
  std::vector<LrpRuleChoice> lrp_rules;   ///< kLrp: epsilon 1e-9, but for these; the last one wins
  AblationOptions ablation;               ///< kAblation only
  bool signed_map = false;                ///< kGradCam: without the relu
  PositionAggregate aggregate_positions = PositionAggregate::kNone;  ///< LayerResult::values are [examples, channels]
  bool multipliers = false;     ///< kDeepLift: the multipliers instead of contributions; kConductance split by input:
                                ///< without the factor x_i - x'_i
  bool split_by_input = false;  ///< kConductance: keep Cond_ij instead of summing over inputs
  /// kConductance: flat indices of the only neurons to compute, of one layer; values are in their order. Empty: all.
  std::vector<std::int64_t> neurons;
  std::int64_t micro_batch = 0;                          ///< path points evaluated at once; 0: chosen by mho
  std::int64_t memory_budget = std::int64_t{512} << 20;  ///< bytes for stored path points
  bool measure_precision = true;  ///< Precision::kBfloat16: compute the first example again for precision_error
  bool optimize = true;           ///< false: no graph pass runs (tests, debugging)
  /// Called between micro-batches and, every 20 ms or so, between operators, on the calling thread; false cancels
  /// (Error kCancelled), within 100 ms in float32.
  std::function<bool(const Progress&)> progress;
};

/// One layer's attributions.
struct LayerResult {
  std::string name;
  std::string node;
  std::string op;
  bool cut = false;
  Array values;  ///< [examples, layer shape...], float64; with split_by_input:
                 ///< [examples, neurons, input elements]; with Request::neurons, those only:
                 ///< [examples, neurons] or [examples, neurons, input elements]; kGradCam:
                 ///< [examples, 1, positions...] of a layer [channels, positions...]; kAblation: see AblationUnit
  std::vector<double> estimated_error;  ///< per example, relative L1; NaN where the method has no estimate. Along paths
                                        ///< from several references: sum of their errors over norm of their sum; where
                                        ///< that is above the tolerance, paths are refined once
  std::vector<double> residual;         ///< per example, sum(values) - (F(x) - F(x')); empty unless complete by theory.
                                        ///< It and estimated_error are those of all positions, if these are aggregated
  /// With residual: how many times larger than |F(x) - F(x')| what is summed to it is, the larger of sum(|values|),
  /// |F(x)| and |F(x')|; 1 where all of them are 0. The difference, and with it the residual, has as many digits less.
  std::vector<double> cancellation = {};
  /// Precision::kBfloat16: relative L1 difference of the first example's values from those in float32 at the same
  /// points of the path, for the same target (adaptive paths from several references choose their points again); 0
  /// without has_bfloat16(). NaN otherwise.
  double precision_error = std::numeric_limits<double>::quiet_NaN();
};

struct Result {
  std::vector<LayerResult> layers;
  std::vector<double> f_input;            ///< F(x) per example
  std::vector<double> f_baseline;         ///< F(x') per example, the mean over its references
  std::vector<std::int64_t> target;       ///< flat target index per example (plus index of a difference)
  std::vector<std::int64_t> evaluations;  ///< forward(+backward) passes, for all references of an example; one for two
                                          ///< examples counts twice
  std::vector<std::int64_t> steps;        ///< segments of the path used per example, the most of any reference
  std::vector<bool> converged;            ///< estimated error within tolerance in every layer
  std::string target_tensor;
  std::string target_note;  ///< says where the logit was taken instead of the probability
  std::string batching;     ///< as in Inspection
  /// What a reader of the values must know: one sentence each, which names the tensor, node or examples it is about.
  std::vector<std::string> notes;
  std::int64_t micro_batch = 1;
  std::map<std::string, std::string> metadata;  ///< everything needed to repeat the run
  std::vector<std::string> names;               ///< of the examples, where the caller has given them some; else empty
};

/// Attributes F to the neurons of the requested layers for every example of `inputs`.
/// Throws Error: kInvalidArgument, kNotFound (unknown layer, with the nearest names), kNumeric (NaN or infinity, with
/// the tensor where it arose), kUnsupported, kLimit (kExact: too many breakpoints, with an estimate of the cost).
[[nodiscard]] Result attribute(const Model& model, const Inputs& inputs, const Request& request = {});

[[nodiscard]] const char* to_string(Method method) noexcept;
[[nodiscard]] const char* to_string(Quadrature quadrature) noexcept;
[[nodiscard]] const char* to_string(DeepLiftRule rule) noexcept;
[[nodiscard]] const char* to_string(PositionAggregate aggregate) noexcept;
/// "epsilon:1e-09", "gamma:0.25", "alphabeta:2".
[[nodiscard]] std::string to_string(const LrpRule& rule);
[[nodiscard]] std::optional<DeepLiftRule> parse_rule(std::string_view text);
/// As to_string() writes it; the parameter may be left out: epsilon:1e-9, gamma:0.25, alphabeta:2.
[[nodiscard]] std::optional<LrpRule> parse_lrp_rule(std::string_view text);
/// "none", "sum", "abs_sum", "max".
[[nodiscard]] std::optional<PositionAggregate> parse_positions(std::string_view text);
[[nodiscard]] const char* to_string(AblationUnit unit) noexcept;
[[nodiscard]] const char* to_string(Replacement replacement) noexcept;
[[nodiscard]] std::optional<AblationUnit> parse_ablation_unit(std::string_view text);
[[nodiscard]] std::optional<Replacement> parse_replacement(std::string_view text);
[[nodiscard]] std::optional<Method> parse_method(std::string_view text);
[[nodiscard]] std::optional<Quadrature> parse_quadrature(std::string_view text);

}  // namespace mho
