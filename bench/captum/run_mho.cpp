// Times mho::attribute in one process for compare.py: run_mho MODEL INPUT.npy OUTPUT.npz METHOD LAYERS STEPS TOLERANCE
// REPEATS [flops], with LAYERS separated by commas ("": all cuts) and STEPS 0 for the adaptive rule. METHOD is
// trapezoid, secant, deeplift or load (nothing but that), with "double:" before it in double precision. `run_mho peak`
// measures what the machine can do. Prints one JSON line.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>
#include <omp.h>

#include <chrono>
#include <cstdlib>
#include <sstream>

#include "attribution/evaluator.h"
#include "attribution/setup.h"
#include "support/child.h"
#include "support/peak.h"

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

mho::Request request_of(std::string_view method, char** argv) {
  mho::Request request;
  request.method = method == "deeplift" ? mho::Method::kDeepLift : mho::Method::kNig;
  std::istringstream layers(argv[5]);
  for (std::string name; std::getline(layers, name, ',');) request.layers.push_back(name);
  request.steps = std::atoll(argv[6]);
  if (method == "secant") request.quadrature = mho::Quadrature::kSecant;
  if (request.steps > 0 && method == "trapezoid") request.quadrature = mho::Quadrature::kTrapezoid;
  request.tolerance = std::atof(argv[7]);
  return request;
}

struct Flops {
  double forward = 0;
  double backward = 0;
};

/// Of one evaluation: convolutions counted as direct ones, and matrix products.
Flops flops_of(const mho::Model& model, const mho::Inputs& inputs, const mho::Request& request, std::int64_t batch) {
  const auto setup = mho::attribution::set_up(model.impl(), inputs, request);
  const mho::attribution::Evaluator evaluator(setup, request.target, batch, {});
  const double each = 1 / static_cast<double>(batch);
  return {evaluator.plan().forward_flops() * each, evaluator.plan().backward_flops() * each};
}

int measure_peak() {
  const mho::bench::Peak peak = mho::bench::measure_peak(omp_get_num_procs());
  fmt::print("{{\"gflops\": {}, \"instructions\": \"{}\", \"seconds\": [], \"version\": \"{}\"}}\n", peak.gflops,
             peak.instructions, mho::version());
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 2 && std::string_view(argv[1]) == "peak") return measure_peak();
  if (argc != 9 && argc != 10) {
    fmt::print(stderr, "run_mho MODEL INPUT.npy OUTPUT.npz METHOD LAYERS STEPS TOLERANCE REPEATS [flops]\n");
    return 2;
  }
  std::string_view method = argv[4];
  mho::ModelOptions options;
  if (method.starts_with("double:")) {
    method.remove_prefix(7);
    options.precision = mho::Precision::kDouble;
  }
  const auto start = std::chrono::steady_clock::now();
  const mho::Model model = mho::Model::load(argv[1], options);
  const double load = seconds_since(start);
  static_cast<void>(model.sha256());  // until then a thread reads the file
  const double loaded_mib = mho::bench::resident_memory_mib();
  const mho::Inputs inputs{{model.inputs().front().name, mho::io::read_npy(argv[2])}};
  const mho::Request request = request_of(method, argv);
  std::vector<double> seconds;
  mho::Result result;
  const int repeats = method == "load" ? 0 : std::atoi(argv[8]);
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    result = mho::attribute(model, inputs, request);
    seconds.push_back(seconds_since(begin));
  }
  const double peak_mib = mho::bench::peak_memory_mib();
  if (repeats > 0) {
    std::map<std::string, mho::Array, std::less<>> arrays;
    for (const mho::LayerResult& layer : result.layers) arrays.emplace(layer.name, layer.values);
    mho::io::write_npz(argv[3], arrays);
  }
  std::int64_t evaluations = 0;
  for (const std::int64_t n : result.evaluations) evaluations += n;
  const auto grading = result.metadata.find("grading");
  const Flops flops = argc == 10 ? flops_of(model, inputs, request, result.micro_batch) : Flops{};
  fmt::print(
      "{{\"load\": {}, \"seconds\": [{}], \"evaluations\": {}, \"loaded_mib\": {}, \"peak_mib\": {}, \"layers\": {}, "
      "\"micro_batch\": {}, "
      "\"grading\": {}, \"forward_flops\": {}, \"backward_flops\": {}}}\n",
      load, fmt::join(seconds, ", "), evaluations, loaded_mib, peak_mib, result.layers.size(), result.micro_batch,
      grading == result.metadata.end() ? 0.0 : std::atof(grading->second.c_str()), flops.forward, flops.backward);
  return 0;
} catch (const mho::Error& error) {
  fmt::print(stderr, "run_mho: {}\n", error.what());
  return 1;
}
