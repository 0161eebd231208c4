// What the commands print with --json.
#include "json.h"

#include <cmath>

#include "request.h"

namespace mho::cli {

namespace {

using nlohmann::json;

json to_json(const Port& port) {
  json shape = json::array();
  for (std::size_t i = 0; i < port.shape.size(); ++i) {
    const bool named = i < port.symbols.size() && !port.symbols[i].empty();
    if (port.shape[i] >= 0) {
      shape.push_back(port.shape[i]);
    } else {
      shape.push_back(named ? json(port.symbols[i]) : json(nullptr));
    }
  }
  return {{"name", port.name}, {"type", port.type}, {"shape", std::move(shape)}};
}

json to_json(const std::vector<Port>& ports) {
  json array = json::array();
  for (const Port& port : ports) array.push_back(to_json(port));
  return array;
}

json to_json(const std::vector<Ranked>& ranked) {
  json array = json::array();
  for (const Ranked& one : ranked) {
    array.push_back(
        {{"index", one.index}, {"mean", one.mean}, {"mean_magnitude", one.magnitude}, {"share", one.share}});
  }
  return array;
}

json examples_json(const Report& report) {
  const Result& result = report.result;
  json examples = json::array();
  for (std::size_t i = 0; i < result.f_input.size(); ++i) {
    json example = {{"example", report.first + static_cast<std::int64_t>(i)},
                    {"target", result.target[i]},
                    {"f_input", result.f_input[i]},
                    {"f_baseline", result.f_baseline[i]},
                    {"evaluations", result.evaluations[i]},
                    {"steps", result.steps[i]},
                    {"converged", static_cast<bool>(result.converged[i])}};
    const auto target = static_cast<std::size_t>(result.target[i]);
    if (result.target[i] >= 0 && target < report.labels.size()) example["label"] = report.labels[target];
    if (i < result.names.size()) example["name"] = result.names[i];
    examples.push_back(std::move(example));
  }
  return examples;
}

}  // namespace

json to_json(const Inspection& inspection, const std::string& model) {
  json layers = json::array();
  for (const Layer& layer : inspection.layers) {
    layers.push_back({{"name", layer.name},
                      {"node", layer.node},
                      {"op", layer.op},
                      {"shape", layer.shape},
                      {"cut", layer.cut},
                      {"affine_from_input", layer.affine_from_input},
                      {"affine_to_target", layer.affine_to_target}});
  }
  json stops = json::array();
  for (const GradientStop& stop : inspection.gradient_stops) {
    stops.push_back({{"node", stop.node}, {"op", stop.op}, {"reason", stop.reason}});
  }
  return {{"mho", version()},
          {"model", model},
          {"producer", inspection.producer},
          {"ir_version", inspection.ir_version},
          {"opset", inspection.opset},
          {"nodes", inspection.onnx_nodes},
          {"primitives", inspection.primitives},
          {"parameters", inspection.parameters},
          {"sha256", inspection.sha256},
          {"inputs", to_json(inspection.inputs)},
          {"outputs", to_json(inspection.outputs)},
          {"target", inspection.target},
          {"target_note", inspection.target_note},
          {"path", inspection.path},
          {"gradient_stops", std::move(stops)},
          {"batching", inspection.batching},
          {"batched", inspection.batched},
          {"layers", std::move(layers)}};
}

json to_json(const Report& report) {
  const Result& result = report.result;
  json layers = json::array();
  for (std::size_t i = 0; i < result.layers.size(); ++i) {
    const LayerResult& layer = result.layers[i];
    json row({{"name", layer.name},
              {"node", layer.node},
              {"op", layer.op},
              {"cut", layer.cut},
              {"shape", neuron_shape(layer)},
              {"residual", layer.residual},
              {"cancellation", layer.cancellation},
              {"estimated_error", layer.estimated_error},
              {"top_channels", to_json(report.rankings[i].top_channels)},
              {"top_neurons", to_json(report.rankings[i].top_neurons)}});
    if (!std::isnan(layer.precision_error)) row["precision_error"] = layer.precision_error;
    layers.push_back(std::move(row));
  }
  return {
      {"mho", version()},
      {"model", report.model},
      {"method", to_string(report.request.method)},
      {"quadrature", quadrature_text(report.request)},
      {"baseline", report.baseline},
      {"target", report.target},
      {"target_tensor", result.target_tensor},
      {"target_note", result.target_note},
      {"batching", result.batching},
      {"notes", result.notes},
      {"micro_batch", result.micro_batch},
      {"examples_total", report.totals ? report.totals->examples : static_cast<std::int64_t>(result.f_input.size())},
      {"examples", examples_json(report)},
      {"layers", std::move(layers)},
      {"metadata", result.metadata}};
}

json to_json(std::span<const OperatorRow> operators, std::span<const PrimitiveRow> primitives) {
  json document = {{"mho", version()}, {"operators", json::array()}, {"primitives", json::array()}};
  for (const OperatorRow& row : operators) {
    document["operators"].push_back({{"name", row.name},
                                     {"since", row.since},
                                     {"gradient", row.gradient},
                                     {"rule", row.rule},
                                     {"conformance", row.conformance}});
  }
  for (const PrimitiveRow& row : primitives) {
    document["primitives"].push_back({{"name", row.name}, {"affine", row.affine}, {"rule", row.rule}});
  }
  return document;
}

nlohmann::json to_json(const Check& check, const std::string& model) {
  nlohmann::json cuts = nlohmann::json::array();
  for (const CutCheck& cut : check.cuts) {
    cuts.push_back({{"name", cut.name},
                    {"node", cut.node},
                    {"operator", cut.op},
                    {"nig_residual", cut.nig},
                    {"nig_estimated_error", cut.nig_estimate},
                    {"deeplift_residual", cut.deeplift},
                    {"deeplift_residual_double", cut.deeplift_double},
                    {"deeplift_rounding", cut.deeplift_rounding}});
  }
  nlohmann::json nodes = nlohmann::json::array();
  for (const NodeCheck& node : check.nodes) {
    nodes.push_back({{"node", node.node}, {"operator", node.op}, {"residual", node.residual}});
  }
  nlohmann::json spans = nlohmann::json::array();
  for (const SpanCheck& span : check.spans) {
    spans.push_back({{"from", span.from}, {"to", span.to}, {"change", span.change}, {"operators", span.ops}});
  }
  return {{"model", model},     {"target", check.target_tensor},    {"target_rounding", check.target_rounding},
          {"cuts", cuts},       {"deeplift_nodes", nodes},          {"deeplift_node_threshold", check.threshold},
          {"nig_spans", spans}, {"nig_converged", check.converged}, {"non_finite", check.non_finite}};
}

std::string json_text(const json& document) {
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace mho::cli
