// What `mho evaluate` writes: docs/cli.md describes the document.
#include "evaluate.h"

namespace mho::cli {

namespace {

using nlohmann::json;

json curve_json(const Curve& curve) { return {{"value", curve.value}, {"low", curve.low}, {"high", curve.high}}; }

json method_json(const MethodEvaluation& method) {
  json scores = json::object();
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const Score& score = method.scores[i];
    scores[to_string(static_cast<Metric>(i))] = {
        {"value", score.value}, {"low", score.low}, {"high", score.high}, {"per_example", score.per_example}};
  }
  return {{"name", method.name},
          {"reference", method.is_reference},
          {"scores", std::move(scores)},
          {"deletion", curve_json(method.deletion)},
          {"insertion", curve_json(method.insertion)}};
}

json layer_json(const LayerEvaluation& layer) {
  json methods = json::array();
  for (const MethodEvaluation& method : layer.methods) methods.push_back(method_json(method));
  return {{"name", layer.name},       {"node", layer.node},
          {"op", layer.op},           {"cut", layer.cut},
          {"units", layer.units},     {"single_units", layer.single_units},
          {"removed", layer.removed}, {"methods", std::move(methods)},
          {"overlap", layer.overlap}};
}

}  // namespace

json evaluation_json(const EvaluationReport& report) {
  const Evaluation& evaluation = report.evaluation;
  json examples = json::array();
  for (std::size_t i = 0; i < evaluation.f_input.size(); ++i) {
    examples.push_back({{"example", report.first + static_cast<std::int64_t>(i)},
                        {"target", evaluation.target[i]},
                        {"f_input", evaluation.f_input[i]},
                        {"f_baseline", evaluation.f_baseline[i]}});
  }
  json costs = json::array();
  for (const MethodCost& cost : evaluation.costs) {
    costs.push_back({{"name", cost.name}, {"seconds", cost.seconds}, {"evaluations", cost.evaluations}});
  }
  json layers = json::array();
  for (const LayerEvaluation& layer : evaluation.layers) layers.push_back(layer_json(layer));
  return {{"format", "mho evaluation 1"},
          {"mho", version()},
          {"model", report.model},
          {"command", report.command},
          {"baseline", report.baseline},
          {"target", report.target},
          {"target_tensor", evaluation.target_tensor},
          {"target_note", evaluation.target_note},
          {"examples", std::move(examples)},
          {"methods", std::move(costs)},
          {"layers", std::move(layers)},
          {"metadata", evaluation.metadata}};
}

}  // namespace mho::cli
