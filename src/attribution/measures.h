// The measures, each over a Setup: what attribute() chooses from.
#pragma once

#include "attribution/progress.h"
#include "attribution/setup.h"
#include "engine/piecewise.h"

namespace mho::attribution {

/// Integrals of g dy (Neuron Integrated Gradients, arXiv 1807.09946; at the inputs: Integrated Gradients, arXiv
/// 1703.01365) or g dalpha (Internal Influence, arXiv 1802.03788) along the straight path, all layers in one pass.
void integrate_paths(const Setup& setup, const Request& request, Result& result);

/// The same by secants (Quadrature::kSecant).
void integrate_secants(const Setup& setup, const Request& request, Result& result);

/// The same exactly (Quadrature::kExact): sums over the pieces of a piecewise linear network. `setup` is on a device
/// that computes in double.
void integrate_exact(const Setup& setup, const Request& request, Result& result);
[[nodiscard]] engine::PiecewiseRequest piecewise_request(const Setup& setup);

/// The definition of conductance, Cond_ij = (x_i - x'_i) * integral of dF/dy_j * dy_j/dx_i (arXiv 1805.12233): one
/// backward pass per neuron and path point. 64 trapezoid segments unless the request says otherwise.
void conductance(const Setup& setup, const Request& request, Result& result);

/// y, dF/dy, their product, Grad-CAM's map (arXiv 1610.02391) or LRP's relevance (engine/relevance.h), at x.
void pointwise(const Setup& setup, const Request& request, Result& result);

/// DeepLIFT (arXiv 1704.02685): multipliers from one run at x, one at x' and one backward pass for all layers.
void deeplift(const Setup& setup, const Request& request, Result& result);

/// Fills in all but residuals of a result with zeros, for a Setup with one reference per example.
using PathMeasure = std::function<void(const Setup&, const Request&, Result&)>;
/// The mean over all references of the Setup of what `measure` gives for each: expected gradients (arXiv 1906.10670).
void average_over_references(const Setup& setup, const Request& request, Result& result, const PathMeasure& measure);
/// F(x) - F(x with one unit replaced), every unit by runs of what lies behind the layer.
void ablation(const Setup& setup, const Request& request, Result& result);

/// The measure that the request asks for, for all examples of the Setup, with residuals.
[[nodiscard]] Result compute(const Model::Impl& model, const Setup& setup, const Request& request);

/// Fills in LayerResult::precision_error of a result in bfloat16. `points`: Setup::first_points of its run.
void add_precision_error(const Model::Impl& model, const Inputs& inputs, const Request& request,
                         const std::shared_ptr<kernels::Poll>& poll, const std::vector<double>& points, Result& result);

/// Where example `index` of a layer's values lies in its result.
[[nodiscard]] std::span<double> values_of(LayerResult& layer, std::int64_t index, std::int64_t examples);

}  // namespace mho::attribution
