// DeepLIFT in forward passes of the same batch: with the reference run each time, and with the reference kept.
#include <fmt/format.h>
#include <mho/mho.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <list>

#include "attribution/evaluator.h"
#include "attribution/setup.h"
#include "support/child.h"
#include "support/inputs.h"

namespace {

using mho::attribution::Evaluator;
using mho::attribution::ExamplePath;
using mho::attribution::PathPoint;

constexpr int kRepeats = 15;

struct Case {
  const char* model;
  std::int64_t batch;
  bool all_layers;  ///< every cut; else the input alone
};

constexpr Case kCases[] = {
    {"resnet50", 1, false}, {"resnet50", 4, false},  {"resnet50", 4, true}, {"vgg16", 4, false},
    {"vgg16", 4, true},     {"mnist_cnn", 64, true}, {"mlp", 64, true},
};

struct Measured {
  double forward = 0;  ///< medians, in seconds
  double first = 0;    ///< reference, input, multipliers
  double cached = 0;   ///< input, multipliers
  double layers = 0;
};

template <class Work>
double seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

/// The points of all examples at one end of their paths.
std::vector<PathPoint> points(std::list<ExamplePath>& paths, double alpha) {
  std::vector<PathPoint> all;
  for (ExamplePath& path : paths) all.push_back({&path, alpha});
  return all;
}

Measured measure(const std::string& file, const Case& c) {
  const mho::Model model = mho::Model::load(file);
  const mho::Inputs inputs = mho::bench::random_inputs(model, c.batch);
  mho::Request request;
  request.method = mho::Method::kDeepLift;
  request.target = mho::IndexTarget{{{0}}};
  if (!c.all_layers) request.layers = {model.inputs()[0].name};
  const auto setup = mho::attribution::set_up(model.impl(), inputs, request);
  Evaluator forward(setup, request.target, c.batch, {.gradients = false, .use_affine_prefix = false});
  Evaluator deeplift(setup, request.target, c.batch, {.use_affine_prefix = false, .multipliers = true});
  std::list<ExamplePath> paths;
  for (std::int64_t n = 0; n < c.batch; ++n) paths.push_back(deeplift.path(n));
  const auto x = points(paths, 1);
  const auto reference = points(paths, 0);
  // What is timed runs in turn, so that a change of clock rate meets all three alike.
  std::vector<double> forward_times, first_times, cached_times;
  for (int repeat = -1; repeat < kRepeats; ++repeat) {
    const double f = seconds([&] { forward.evaluate(x); });
    const double r = seconds([&] { deeplift.evaluate_reference(reference); });
    const double m = seconds([&] { deeplift.evaluate(x); });
    if (repeat < 0) continue;  // the first run prepares everything
    forward_times.push_back(f);
    first_times.push_back(r + m);
    cached_times.push_back(m);
  }
  return {median(forward_times), median(first_times), median(cached_times), static_cast<double>(setup.layers.size())};
}

}  // namespace

int main() {
  const char* folder = std::getenv("MHO_BENCH_MODELS");
  if (folder == nullptr) {
    std::fputs(
        "bench_deeplift: $MHO_BENCH_MODELS must name the folder of make_models.py's models (./dev bench sets "
        "it)\n",
        stderr);
    return 2;
  }
  fmt::print("mho {}, {} threads, float32; medians of {} runs in turn, Plans made before\n\n", mho::version(),
             omp_get_num_procs(), kRepeats);
  fmt::print(
      "| model | batch | layers | forward ms | DeepLIFT ms | in forward passes | reference kept: ms | in forward "
      "passes |\n|---|---:|---:|---:|---:|---:|---:|---:|\n");
  bool good = true;
  for (const Case& c : kCases) {
    const auto m =
        mho::bench::in_child<Measured>([&] { return measure(fmt::format("{}/{}.onnx", folder, c.model), c); });
    if (!m) {
      fmt::print("| {} | failed |\n", c.model);
      good = false;
      continue;
    }
    fmt::print("| {} | {} | {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n", c.model, c.batch, m->layers,
               1e3 * m->forward, 1e3 * m->first, m->first / m->forward, 1e3 * m->cached, m->cached / m->forward);
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
