// The networks of tests/golden with their float64 values, as tests use them.
#pragma once

#include <mho/attribution.h>
#include <mho/io.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace mho::testing {

struct GoldenNetwork {
  std::string name;
  std::filesystem::path model;
  std::map<std::string, Array, std::less<>> values;  ///< see tests/golden/README.md
  std::string target;
  bool smooth = false;
  std::vector<std::string> layers;
  std::vector<std::string> partial;  ///< of `layers`: those that are no cuts

  /// The arrays called `<prefix>/<name>`, by name.
  [[nodiscard]] Inputs group(const std::string& prefix) const {
    Inputs result;
    for (const auto& [key, array] : values) {
      if (key.starts_with(prefix + "/")) result.emplace(key.substr(prefix.size() + 1), array);
    }
    return result;
  }
  /// A request for all layers against the golden baseline.
  [[nodiscard]] Request request(Method method) const {
    Request r;
    r.method = method;
    if (method != Method::kIg) r.layers = layers;
    r.baseline = group("baseline");
    IndexTarget indices;
    for (const std::int64_t index : values.at("target").as<std::int64_t>()) indices.indices.push_back({index});
    r.target = indices;
    return r;
  }
};

inline GoldenNetwork load_golden(const std::string& name) {
  const std::filesystem::path folder = std::filesystem::path(MHO_SOURCE_DIR) / "tests/golden/data";
  GoldenNetwork network;
  network.name = name;
  network.model = folder / (name + ".onnx");
  network.values = io::read_npz(folder / (name + ".npz"));
  std::ifstream facts(folder / (name + ".txt"));
  for (std::string line; std::getline(facts, line);) {
    std::istringstream words(line);
    std::string key, value, kind;
    words >> key >> value >> kind;
    if (key == "target") network.target = value;
    if (key == "path") network.smooth = value == "smooth";
    if (key == "layer") network.layers.push_back(value);
    if (key == "layer" && kind == "partial") network.partial.push_back(value);
  }
  return network;
}

inline const std::vector<std::string>& golden_names() {
  static const std::vector<std::string> kNames = {
      "plain_cnn", "residual_reused_relu", "smooth_mlp", "two_inputs", "branches", "conv1d"};
  return kNames;
}

}  // namespace mho::testing
