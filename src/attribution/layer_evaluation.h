// How well several measures of one layer predict what happens when its units are replaced.
#pragma once

#include <mho/evaluation.h>

#include <functional>
#include <string>
#include <vector>

#include "attribution/bootstrap.h"
#include "attribution/ends.h"
#include "attribution/setup.h"
#include "attribution/units.h"

namespace mho::attribution {

/// One measure's values of one layer's units.
struct MethodValues {
  std::string name;
  bool is_reference = false;
  std::vector<double> values;       ///< [examples * units]
  std::vector<double> sensitivity;  ///< per example; empty: none
};

struct LayerQuestion {
  const Setup& setup;
  const Ends& ends;
  const EvaluationRequest& request;
  std::size_t layer;
  const Units& units;
  std::vector<MethodValues> methods;
  double rounding = 0;  ///< what is less than this part of F, or of the largest value, counts as tied
};

/// `done(runs)` is called between micro-batches; it may throw.
[[nodiscard]] LayerEvaluation evaluate_layer(LayerQuestion question, const Bootstrap& bootstrap,
                                             const std::function<void(std::int64_t)>& done);

/// min(points, units) + 1 numbers from 0 to `units`, evenly spaced to rounding.
[[nodiscard]] std::vector<std::int64_t> curve_points(std::int64_t units, std::int64_t points);
/// Below `values` at `removed` of `removed.back()` units, by trapezoids over the part of the units: that of a constant
/// is the constant.
[[nodiscard]] double area(const std::vector<std::int64_t>& removed, const std::vector<double>& values);

}  // namespace mho::attribution
