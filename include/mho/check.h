// Is what mho says about a model true? Completeness at every cut, the operators at which it is lost, and rounding.
#pragma once

#include <mho/attribution.h>

#include <string>
#include <vector>

namespace mho {

/// Residuals are |sum of attributions - (F(x) - F(x'))| relative to the sum of their magnitudes, or |F(x)|, |F(x')|
/// where these are larger; the worst of all examples.
struct CutCheck {
  std::string name;  ///< ONNX tensor
  std::string node;
  std::string op;
  double nig = 0;                ///< residual of Neuron Integrated Gradients; NaN where the tensor has no gradient
  double nig_estimate = 0;       ///< its own estimate of the quadrature error
  double deeplift = 0;           ///< residual of DeepLIFT, in the model's precision
  double deeplift_double = 0;    ///< the same in double precision
  double deeplift_rounding = 0;  ///< DeepLIFT in the model's precision against double: relative L1 of the attributions
};

/// An ONNX node at which DeepLIFT loses or makes contributions, in double precision.
struct NodeCheck {
  std::string node;
  std::string op;
  double residual = 0;  ///< relative, with sign, of the example where it is worst
};

/// Between two neighbouring cuts NIG's residual changes: its path is too coarse for the operators there.
struct SpanCheck {
  std::string from;  ///< tensor
  std::string to;
  double change = 0;  ///< relative, the worst example
  std::vector<std::string> ops;
};

struct Check {
  std::string target_tensor;
  std::vector<CutCheck> cuts;    ///< in order of computation, the inputs first where one of them is a cut
  std::vector<NodeCheck> nodes;  ///< worst first, only those above `threshold`
  std::vector<SpanCheck> spans;  ///< worst first
  double threshold = 0;
  double target_rounding = 0;   ///< |F(x)| in the model's precision against double, relative
  std::vector<bool> converged;  ///< of NIG, per example
  /// Where the first NaN or infinity arises at x or x' of an example without reaching a result, in words, in the
  /// model's precision; "" where there is none. Masks of minus infinity in front of a Softmax are such.
  std::string non_finite;
};

/// Runs NIG, and DeepLIFT in the model's and in double precision, on every cut. Of the request, everything counts but
/// method, layers, multipliers and split_by_input. Throws Error as attribute().
[[nodiscard]] Check check(const Model& model, const Inputs& inputs, const Request& request = {});

}  // namespace mho
