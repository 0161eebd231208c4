// Times mho::attribute in one process for compare.py: run_mho MODEL INPUT.npy OUTPUT.npz METHOD LAYERS STEPS TOLERANCE
// REPEATS, with LAYERS separated by commas ("": all cuts) and STEPS 0 for the adaptive rule. Prints one JSON line.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>

#include <chrono>
#include <cstdlib>
#include <sstream>

#include "support/child.h"

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

mho::Request request_of(char** argv) {
  mho::Request request;
  const std::string_view method = argv[4];
  request.method = method == "deeplift" ? mho::Method::kDeepLift : mho::Method::kNig;
  std::istringstream layers(argv[5]);
  for (std::string name; std::getline(layers, name, ',');) request.layers.push_back(name);
  request.steps = std::atoll(argv[6]);
  if (method == "secant") request.quadrature = mho::Quadrature::kSecant;
  if (request.steps > 0 && method != "secant") request.quadrature = mho::Quadrature::kTrapezoid;
  request.tolerance = std::atof(argv[7]);
  return request;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 9) {
    fmt::print(stderr, "run_mho MODEL INPUT.npy OUTPUT.npz METHOD LAYERS STEPS TOLERANCE REPEATS\n");
    return 2;
  }
  const auto start = std::chrono::steady_clock::now();
  const mho::Model model = mho::Model::load(argv[1]);
  const double load = seconds_since(start);
  const mho::Inputs inputs{{model.inputs().front().name, mho::io::read_npy(argv[2])}};
  const mho::Request request = request_of(argv);
  std::vector<double> seconds;
  mho::Result result;
  for (int repeat = 0; repeat < std::atoi(argv[8]); ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    result = mho::attribute(model, inputs, request);
    seconds.push_back(seconds_since(begin));
  }
  std::map<std::string, mho::Array, std::less<>> arrays;
  for (const mho::LayerResult& layer : result.layers) arrays.emplace(layer.name, layer.values);
  mho::io::write_npz(argv[3], arrays);
  std::int64_t evaluations = 0;
  for (const std::int64_t n : result.evaluations) evaluations += n;
  fmt::print("{{\"load\": {}, \"seconds\": [{}], \"evaluations\": {}, \"peak_mib\": {}, \"layers\": {}}}\n", load,
             fmt::join(seconds, ", "), evaluations, mho::bench::peak_memory_mib(), result.layers.size());
  return 0;
} catch (const mho::Error& error) {
  fmt::print(stderr, "run_mho: {}\n", error.what());
  return 1;
}
