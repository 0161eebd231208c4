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
};

enum class Quadrature {
  kAdaptive,   ///< secants where the model has kinks, else trapezoids, doubling until ||T_K - T_K/2||_1 is within the
               ///< tolerance; points closer together near x' where most bends there. With `steps`: so many segments
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
/// kDeepLift only: attributions are averaged over these references (DeepSHAP). Every array has one example or as many
/// as the others.
struct ReferenceSet {
  Inputs references;
};
/// kDeepLift only: the average over shuffles of each example's own sequence that keep its pairs of neighbouring
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

struct Progress {
  std::int64_t examples_done = 0;
  std::int64_t examples = 0;
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
  bool multipliers = false;     ///< kDeepLift: the multipliers instead of contributions; kConductance split by input:
                                ///< without the factor x_i - x'_i
  bool split_by_input = false;  ///< kConductance: keep Cond_ij instead of summing over inputs
  /// kConductance: flat indices of the only neurons to compute, of one layer; values are in their order. Empty: all.
  std::vector<std::int64_t> neurons;
  std::int64_t micro_batch = 0;                          ///< path points evaluated at once; 0: chosen by mho
  std::int64_t memory_budget = std::int64_t{512} << 20;  ///< bytes for stored path points
  bool measure_precision = true;  ///< Precision::kBfloat16: compute the first example again for precision_error
  bool optimize = true;           ///< false: no graph pass runs (tests, debugging)
  std::function<bool(const Progress&)>
      progress;  ///< called between micro-batches; false cancels (Error kInvalidArgument)
};

/// One layer's attributions.
struct LayerResult {
  std::string name;
  std::string node;
  std::string op;
  bool cut = false;
  Array values;                         ///< [examples, layer shape...], float64; with split_by_input:
                                        ///< [examples, neurons, input elements]; with Request::neurons, those only:
                                        ///< [examples, neurons] or [examples, neurons, input elements]
  std::vector<double> estimated_error;  ///< per example, relative L1; NaN where the method has no estimate
  std::vector<double> residual;         ///< per example, sum(values) - (F(x) - F(x')); empty unless complete by theory
  /// Precision::kBfloat16: relative L1 difference of the first example's values from those in float32 at the same
  /// points of the path, for the same target (adaptive secants choose their points again); 0 without has_bfloat16().
  /// NaN otherwise.
  double precision_error = std::numeric_limits<double>::quiet_NaN();
};

struct Result {
  std::vector<LayerResult> layers;
  std::vector<double> f_input;            ///< F(x) per example
  std::vector<double> f_baseline;         ///< F(x') per example
  std::vector<std::int64_t> target;       ///< flat target index per example (plus index of a difference)
  std::vector<std::int64_t> evaluations;  ///< forward(+backward) passes spent per example
  std::vector<std::int64_t> steps;        ///< segments of the path used per example
  std::vector<bool> converged;            ///< estimated error within tolerance in every layer
  std::string target_tensor;
  std::string target_note;  ///< says where the logit was taken instead of the probability
  std::string batching;     ///< as in Inspection
  std::int64_t micro_batch = 1;
  std::map<std::string, std::string> metadata;  ///< everything needed to repeat the run
};

/// Attributes F to the neurons of the requested layers for every example of `inputs`.
/// Throws Error: kInvalidArgument, kNotFound (unknown layer, with the nearest names), kNumeric (NaN or infinity, with
/// the tensor where it arose), kUnsupported, kLimit (kExact: too many breakpoints, with an estimate of the cost).
[[nodiscard]] Result attribute(const Model& model, const Inputs& inputs, const Request& request = {});

[[nodiscard]] const char* to_string(Method method) noexcept;
[[nodiscard]] const char* to_string(Quadrature quadrature) noexcept;
[[nodiscard]] const char* to_string(DeepLiftRule rule) noexcept;
[[nodiscard]] std::optional<DeepLiftRule> parse_rule(std::string_view text);
[[nodiscard]] std::optional<Method> parse_method(std::string_view text);
[[nodiscard]] std::optional<Quadrature> parse_quadrature(std::string_view text);

}  // namespace mho
