// Small results for the tests of report/.
#pragma once

#include <mho/attribution.h>

#include <string>
#include <vector>

namespace mho::report {

/// A layer of `examples` whose values count up from `start` in steps of `step`.
inline LayerResult layer(std::string name, Shape shape, double start = -1, double step = 0.25) {
  LayerResult layer;
  layer.name = layer.node = std::move(name);
  layer.op = "Relu";
  layer.cut = true;
  layer.values = Array(DType::f64, std::move(shape));
  double value = start;
  for (double& one : layer.values.as<double>()) {
    one = value;
    value += step;
  }
  const auto examples = static_cast<std::size_t>(layer.values.shape()[0]);
  layer.estimated_error.assign(examples, 0.001);
  layer.residual.assign(examples, 1e-6);
  return layer;
}

inline Result result(std::vector<LayerResult> layers) {
  Result result;
  const auto examples = static_cast<std::size_t>(layers.at(0).values.shape()[0]);
  result.layers = std::move(layers);
  result.f_input.assign(examples, 2.0);
  result.f_baseline.assign(examples, 1.0);
  result.target.assign(examples, 3);
  result.evaluations.assign(examples, 10);
  result.steps.assign(examples, 9);
  result.converged.assign(examples, true);
  result.target_tensor = "logits";
  result.metadata = {{"method", "nig"}, {"model", "models/small.onnx"}};
  return result;
}

}  // namespace mho::report
