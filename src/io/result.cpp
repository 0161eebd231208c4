// write_result of <mho/io.h>: the layout of result files.
#include <fmt/format.h>
#include <mho/io.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/npz.h"

namespace mho::io {

namespace {

std::string array_name(std::string_view layer) {
  std::string name(layer);
  std::replace(name.begin(), name.end(), '\0', '_');
  if (name.empty() || name.starts_with("mho/")) name.insert(0, "layer:");
  return name;
}

Array flags(const std::vector<bool>& values) {
  Array array(DType::b8, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), array.as<bool>().begin());
  return array;
}

template <class T>
Array vector(const std::vector<T>& values) {
  return {Shape{static_cast<std::int64_t>(values.size())}, values};
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
  for (const auto& [key, value] : result.metadata) document["run"][key] = value;
  return document;
}

}  // namespace

void write_result(const std::filesystem::path& path, const Result& result) {
  NpzWriter writer(path);
  for (const LayerResult& layer : result.layers) {
    const std::string name = array_name(layer.name);
    writer.add(name, layer.values);
    if (!layer.residual.empty()) writer.add(fmt::format("mho/residual/{}", name), vector(layer.residual));
    writer.add(fmt::format("mho/estimated_error/{}", name), vector(layer.estimated_error));
  }
  writer.add("mho/f_input", vector(result.f_input));
  writer.add("mho/f_baseline", vector(result.f_baseline));
  writer.add("mho/target", vector(result.target));
  writer.add("mho/evaluations", vector(result.evaluations));
  writer.add("mho/steps", vector(result.steps));
  writer.add("mho/converged", flags(result.converged));
  // Names in a model need not be valid UTF-8.
  writer.add_text("mho/metadata", describe(result).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  writer.finish();
}

}  // namespace mho::io
