// Normalization over axes, as several operators need it.
#pragma once

#include "onnx/lowering.h"

namespace mho::onnx::ops {

struct Normalized {
  ValueId y;
  ValueId mean;               ///< reduced axes have extent 1
  ValueId inverse_deviation;  ///< likewise
};

/// 1 / sqrt(mean(x^2) + epsilon) over `axes`, which keep extent 1.
[[nodiscard]] ValueId inverse_root_mean_square(Builder& build, ValueId x, const Shape& axes, double epsilon);
/// (x - mean) / sqrt(variance + epsilon) over `axes`.
[[nodiscard]] Normalized normalize(Builder& build, ValueId x, const Shape& axes, double epsilon);

}  // namespace mho::onnx::ops
