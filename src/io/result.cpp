// write_result of <mho/io.h>: the layout of result files.
#include <fmt/format.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>

#include "io/npz.h"
#include "io/result_layout.h"

namespace mho::io {

namespace {

Array flags(const std::vector<bool>& values) {
  Array array(DType::b8, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), array.as<bool>().begin());
  return array;
}

template <class T>
Array vector(const std::vector<T>& values) {
  return {Shape{static_cast<std::int64_t>(values.size())}, values};
}

}  // namespace

std::string array_name(std::string_view layer) {
  std::string name(layer);
  std::replace(name.begin(), name.end(), '\0', '_');
  if (name.empty() || name.starts_with("mho/")) name.insert(0, "layer:");
  return name;
}

nlohmann::json describe(const Result& result) {
  nlohmann::json layers = nlohmann::json::array();
  for (const LayerResult& layer : result.layers) {
    nlohmann::json row({{"name", layer.name},
                        {"array", array_name(layer.name)},
                        {"node", layer.node},
                        {"op", layer.op},
                        {"cut", layer.cut},
                        {"shape", layer.values.shape()}});
    if (!std::isnan(layer.precision_error)) row["precision_error"] = layer.precision_error;
    layers.push_back(std::move(row));
  }
  nlohmann::json document = {{"target_tensor", result.target_tensor}, {"target_note", result.target_note},
                             {"batching", result.batching},           {"micro_batch", result.micro_batch},
                             {"layers", std::move(layers)},           {"run", nlohmann::json::object()}};
  if (!result.notes.empty()) document["notes"] = result.notes;
  for (const auto& [key, value] : result.metadata) document["run"][key] = value;
  return document;
}

std::string metadata_text(const nlohmann::json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

void for_each_array(const Result& result, const std::function<std::string(const LayerResult&)>& name_of,
                    const std::function<void(const std::string&, const Array&)>& visit) {
  for (const LayerResult& layer : result.layers) {
    const std::string name = name_of(layer);
    visit(name, layer.values);
    if (!layer.residual.empty()) visit(fmt::format("mho/residual/{}", name), vector(layer.residual));
    if (!layer.cancellation.empty()) visit(fmt::format("mho/cancellation/{}", name), vector(layer.cancellation));
    visit(fmt::format("mho/estimated_error/{}", name), vector(layer.estimated_error));
  }
  visit("mho/f_input", vector(result.f_input));
  visit("mho/f_baseline", vector(result.f_baseline));
  visit("mho/target", vector(result.target));
  visit("mho/evaluations", vector(result.evaluations));
  visit("mho/steps", vector(result.steps));
  visit("mho/converged", flags(result.converged));
}

void write_result(const std::filesystem::path& path, const Result& result) {
  NpzWriter writer(path);
  for_each_array(
      result, [](const LayerResult& layer) { return array_name(layer.name); },
      [&](const std::string& name, const Array& array) { writer.add(name, array); });
  if (!result.names.empty()) writer.add_texts("mho/names", result.names);
  writer.add_text("mho/metadata", metadata_text(describe(result)));
  writer.finish();
}

}  // namespace mho::io
