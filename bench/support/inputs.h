// Seeded random inputs for a model.
#pragma once

#include <mho/model.h>

#include <random>
#include <vector>

namespace mho::bench {

/// Standard normal numbers, the leading extent of every input being `examples`.
inline Inputs random_inputs(const Model& model, std::int64_t examples) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Inputs inputs;
  for (const Port& port : model.inputs()) {
    Shape shape = port.shape;
    shape[0] = examples;
    std::vector<float> values(static_cast<std::size_t>(element_count(shape)));
    for (float& v : values) v = normal(random);
    inputs.emplace(port.name, Array(shape, values));
  }
  return inputs;
}

}  // namespace mho::bench
