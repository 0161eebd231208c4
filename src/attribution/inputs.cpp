// Checks user arrays against the model's inputs and cuts them into examples.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "attribution/model_impl.h"

namespace mho::attribution {

namespace {

std::string declared(const onnx::PortInfo& port) {
  std::string text;
  for (const onnx::Dimension& d : port.shape) {
    text += (text.empty() ? "" : ", ") + (d.extent >= 0 ? std::to_string(d.extent) : d.symbol.empty() ? "?" : d.symbol);
  }
  return "[" + text + "]";
}

void check_shape(const Model::Impl& model, const onnx::PortInfo& port, const Shape& shape) {
  if (!port.has_shape) return;
  bool fits = shape.size() == port.shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    const bool free = port.shape[i].extent < 0 || (i == 0 && has_example_axis(model, port));
    fits = free || shape[i] == port.shape[i].extent;
  }
  if (!fits) {
    throw Error(Code::kInvalidArgument, fmt::format("input '{}' has shape {}, the model declares {}", port.name,
                                                    to_string(shape), declared(port)));
  }
}

}  // namespace

bool has_example_axis(const Model::Impl& model, const onnx::PortInfo& port) {
  if (model.options.one_example) return false;
  if (!port.has_shape) return true;
  return !port.shape.empty() && (port.shape[0].extent < 0 || port.shape[0].extent == 1);
}

void check_finite(const std::string& what, const Array& array) {
  const auto check = [&](auto values) {
    const auto bad = std::ranges::find_if(values, [](auto v) { return !std::isfinite(v); });
    if (bad == values.end()) return;
    throw Error(Code::kNumeric, fmt::format("{} has a NaN or infinity at element {}", what, bad - values.begin()));
  };
  if (array.dtype() == DType::f32) check(array.as<float>());
  if (array.dtype() == DType::f64) check(array.as<double>());
}

Array Examples::example(const std::string& name, std::int64_t index) const {
  const Array& all = arrays.at(name);
  Array one(all.dtype(), shapes.shapes.at(name));
  const bool batched = shapes.batched.at(name) && all.shape()[0] > 1;
  const auto bytes = all.bytes().subspan(batched ? one.bytes().size() * static_cast<std::size_t>(index) : 0);
  std::memcpy(one.bytes().data(), bytes.data(), one.bytes().size());
  return one;
}

Examples prepare_inputs(const Model::Impl& model, const Inputs& inputs) {
  Examples examples;
  std::string first;
  for (const auto& [name, array] : inputs) {
    const auto known = [&wanted = name](const onnx::PortInfo& port) { return port.name == wanted; };
    if (std::ranges::none_of(model.onnx->inputs(), known)) {
      std::string names;
      for (const auto& port : model.onnx->inputs()) names += (names.empty() ? "" : ", ") + port.name;
      throw Error(Code::kInvalidArgument, fmt::format("the model has no input '{}'; it has: {}", name, names));
    }
  }
  for (const onnx::PortInfo& port : model.onnx->inputs()) {
    const auto it = inputs.find(port.name);
    if (it == inputs.end()) {
      throw Error(Code::kInvalidArgument, fmt::format("input '{}' {} is not given", port.name, declared(port)));
    }
    const Array& array = it->second;
    check_shape(model, port, array.shape());
    check_finite(fmt::format("input '{}'", port.name), array);
    const bool real = port.dtype == DType::f32 || port.dtype == DType::f64;
    const bool batched = has_example_axis(model, port) && !array.shape().empty();
    Shape one = array.shape();
    if (batched) {
      if (first.empty()) {
        first = port.name;
        examples.count = one[0];
      } else if (one[0] != examples.count) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("input '{}' has {} examples, input '{}' has {}; where leading axes do not count "
                                "examples (nodes of a graph), all inputs together are one: --one-example",
                                port.name, one[0], first, examples.count));
      }
      if (one[0] < 1) throw Error(Code::kInvalidArgument, fmt::format("input '{}' has no examples", port.name));
      one[0] = 1;
    }
    examples.shapes.shapes[port.name] = one;
    examples.shapes.batched[port.name] = batched;
    examples.arrays.emplace(port.name, array.to(real ? model.device->real() : port.dtype));
  }
  return examples;
}

std::shared_ptr<const engine::Network> network_of(const Model::Impl& model, Examples& examples) {
  auto network = model.network(examples.shapes);
  try {
    static_cast<void>(network->graph(1));
    return network;
  } catch (const Error& error) {
    if (error.code() != Code::kUnsupported) throw;
    engine::ExampleShapes& shapes = examples.shapes;
    for (const auto& [name, array] : examples.arrays) {
      const bool real = array.dtype() == DType::f32 || array.dtype() == DType::f64;
      if (real || shapes.batched.at(name)) continue;
      shapes.fixed.emplace(name, array);
      shapes.shapes.erase(name);
      shapes.batched.erase(name);
    }
    if (shapes.fixed.empty()) throw;
  }
  return model.network(examples.shapes);
}

engine::ExampleShapes declared_shapes(const Model::Impl& model,
                                      const std::map<std::string, Shape, std::less<>>& given) {
  engine::ExampleShapes result;
  for (const onnx::PortInfo& port : model.onnx->inputs()) {
    const auto it = given.find(port.name);
    Shape shape;
    if (it != given.end()) {
      check_shape(model, port, it->second);
      shape = it->second;
      if (has_example_axis(model, port) && !shape.empty()) shape[0] = 1;
    } else if (!port.has_shape) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("input '{}' declares no shape: give it with --shape {}=...", port.name, port.name));
    } else {
      for (const onnx::Dimension& d : port.shape) shape.push_back(d.extent < 0 ? 1 : d.extent);
    }
    result.batched[port.name] = has_example_axis(model, port) && !shape.empty();
    result.shapes[port.name] = std::move(shape);
  }
  return result;
}

}  // namespace mho::attribution
