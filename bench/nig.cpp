// Wall time, peak memory and share of the machine's peak of NIG on networks of realistic shape.
#include <fmt/format.h>
#include <mho/mho.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "attribution/evaluator.h"
#include "attribution/setup.h"
#include "support/child.h"
#include "support/inputs.h"
#include "support/peak.h"

namespace {

using mho::Inputs;
using mho::Model;
using mho::Request;
using mho::Result;

constexpr int kRepeats = 3;

struct Case {
  const char* model;
  std::int64_t examples;
  bool all_layers;     ///< every cut; else the one in the middle
  std::int64_t steps;  ///< trapezoid segments; 0: adaptive to the default tolerance
};

constexpr Case kCases[] = {
    {"resnet50", 1, true, 32}, {"resnet50", 1, false, 32}, {"resnet50", 1, false, 128}, {"vgg16", 1, true, 16},
    {"vgg16", 1, false, 16},   {"mnist_cnn", 1, true, 0},  {"mnist_cnn", 64, true, 0},  {"mnist_cnn", 64, true, 32},
    {"mlp", 1, true, 0},       {"mlp", 64, true, 0},       {"mlp", 64, true, 32},
};

struct Measured {
  double seconds = 0;  ///< median
  double evaluations = 0;
  double gflop = 0;  ///< of one evaluation, forward and backward
  double mib = 0;
  double layers = 0;
  double micro_batch = 0;
  double load_seconds = 0;
};

/// Floating-point operations of convolutions and matrix products in one evaluation.
double gflop_per_evaluation(const Model& model, const Inputs& inputs, const Request& request, std::int64_t batch) {
  const auto setup = mho::attribution::set_up(model.impl(), inputs, request);
  const mho::attribution::Evaluator evaluator(setup, request.target, batch, {});
  return (evaluator.plan().forward_flops() + evaluator.plan().backward_flops()) / static_cast<double>(batch) * 1e-9;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Measured measure(const std::string& path, const Case& c) {
  Measured measured;
  const auto start = std::chrono::steady_clock::now();
  const Model model = Model::load(path);
  measured.load_seconds = seconds_since(start);
  const Inputs inputs = mho::bench::random_inputs(model, c.examples);
  Request request;
  if (c.steps > 0) {
    request.quadrature = mho::Quadrature::kTrapezoid;
    request.steps = c.steps;
  }
  if (!c.all_layers) {
    std::vector<std::string> cuts;
    for (const mho::Layer& layer : model.inspect().layers) {
      if (layer.cut && layer.op != "Input") cuts.push_back(layer.name);
    }
    request.layers = {cuts[cuts.size() / 2]};
  }
  std::vector<double> times;
  Result result;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    result = mho::attribute(model, inputs, request);
    times.push_back(seconds_since(begin));
  }
  std::ranges::sort(times);
  measured.seconds = times[times.size() / 2];
  for (const std::int64_t n : result.evaluations) measured.evaluations += static_cast<double>(n);
  measured.layers = static_cast<double>(result.layers.size());
  measured.micro_batch = static_cast<double>(result.micro_batch);
  measured.mib = mho::bench::peak_memory_mib();
  measured.gflop = gflop_per_evaluation(model, inputs, request, result.micro_batch);
  return measured;
}

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

}  // namespace

int main() {
  const char* folder = std::getenv("MHO_BENCH_MODELS");
  if (folder == nullptr) {
    std::fputs("bench_nig: $MHO_BENCH_MODELS must name the folder of make_models.py's models (./dev bench sets it)\n",
               stderr);
    return 2;
  }
  const int threads = omp_get_num_procs();
  // In a child too: a process that has run OpenMP regions cannot be forked safely.
  const auto peak = mho::bench::in_child<mho::bench::Peak>([&] { return mho::bench::measure_peak(threads); });
  if (!peak) return 1;
  fmt::print("mho {}, {}, {} threads, float32; measured peak {:.0f} GFLOP/s ({}, register to register)\n",
             mho::version(), processor(), threads, peak->gflops, peak->instructions);
  fmt::print("median of {} runs in one process per row, model loaded, Plan made in every run; baseline 0\n\n",
             kRepeats);
  fmt::print(
      "| model | examples | layers | path | evaluations | seconds | ms / evaluation | GFLOP/s | share of peak | "
      "peak memory MiB | at once |\n|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|\n");
  bool good = true;
  for (const Case& c : kCases) {
    const std::string path = fmt::format("{}/{}.onnx", folder, c.model);
    const auto m = mho::bench::in_child<Measured>([&] { return measure(path, c); });
    if (!m) {
      fmt::print("| {} | failed |\n", c.model);
      good = false;
      continue;
    }
    const double rate = m->gflop * m->evaluations / m->seconds;
    fmt::print("| {} | {} | {} | {} | {} | {:.3f} | {:.2f} | {:.0f} | {:.0f} % | {:.0f} | {} |\n", c.model, c.examples,
               m->layers, c.steps > 0 ? fmt::format("trapezoid {}", c.steps) : "adaptive 1e-2", m->evaluations,
               m->seconds, 1e3 * m->seconds / m->evaluations, rate, 100 * rate / peak->gflops, m->mib, m->micro_batch);
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
