// Prints the five neurons of a layer that contributed most to a model's first prediction.
#include <mho/mho.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <span>
#include <vector>

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: top_neurons MODEL.onnx IMAGES.npz LAYER\n");
    return 2;
  }
  const mho::Model model = mho::Model::load(argv[1]);
  const mho::Inputs inputs{{model.inputs().front().name, mho::io::read_npz(argv[2]).at("images")}};

  mho::Request request;
  request.layers = {argv[3]};
  const mho::Result result = mho::attribute(model, inputs, request);
  const mho::LayerResult& layer = result.layers.front();

  const auto neurons = static_cast<std::size_t>(layer.values.size() / layer.values.shape().front());
  const auto values = layer.values.as<double>().first(neurons);
  std::vector<std::size_t> order(neurons);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return std::abs(values[i]); });
  std::printf("%s: F(x) - F(x') = %.4f\n", layer.name.c_str(), result.f_input[0] - result.f_baseline[0]);
  for (const std::size_t i : std::span(order).first(std::min<std::size_t>(5, neurons))) {
    std::printf("  neuron %4zu  %+.4f\n", i, values[i]);
  }
} catch (const mho::Error& error) {
  std::fprintf(stderr, "top_neurons: %s\n", error.what());
  return 1;
}
