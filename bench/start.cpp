// How long a first answer takes: load, the first attribute() of one example (DeepLIFT of all cuts), and the third,
// which finds its Plans made. bench_start [MODEL ...]: the models in $MHO_BENCH_MODELS, or these, whose inputs must
// have no open extents but that of the batch. Every run is a process of its own; medians.
#include <fmt/format.h>
#include <mho/mho.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "support/child.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kProcesses = 5;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Times {
  double load, first, third;
};

/// One example of every input: reals in [-1, 1], other numbers 0.
mho::Inputs some_inputs(const mho::Model& model) {
  mho::Inputs inputs;
  for (const mho::Port& port : model.inputs()) {
    mho::Shape shape = port.shape;
    std::ranges::replace_if(
        shape, [](std::int64_t extent) { return extent < 0; }, 1);
    const bool real = port.type.find("float") != std::string::npos || port.type == "double";
    mho::Array array(real ? mho::DType::f32 : mho::DType::i64, shape);
    float value = -1;
    for (std::int64_t i = 0; real && i < array.size(); ++i) {
      value = value > 1 ? -1 : value + 0.0137F;
      array.as<float>()[static_cast<std::size_t>(i)] = value;
    }
    inputs.emplace(port.name, std::move(array));
  }
  return inputs;
}

Times measure(const std::filesystem::path& path) {
  Clock::time_point start = Clock::now();
  const mho::Model model = mho::Model::load(path);
  Times times{milliseconds_since(start), 0, 0};
  const mho::Inputs inputs = some_inputs(model);
  mho::Request request;
  request.method = mho::Method::kDeepLift;
  for (double* const time : {&times.first, &times.third, &times.third}) {
    start = Clock::now();
    static_cast<void>(mho::attribute(model, inputs, request));
    *time = milliseconds_since(start);
  }
  return times;
}

double median(const std::vector<Times>& runs, double Times::*time) {
  std::vector<double> values;
  for (const Times& run : runs) values.push_back(run.*time);
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::filesystem::path> paths(argv + 1, argv + argc);
  if (const char* folder = std::getenv("MHO_BENCH_MODELS"); paths.empty() && folder != nullptr) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  }
  std::ranges::sort(paths, {}, [](const auto& path) { return std::filesystem::file_size(path); });
  fmt::print("| model | MiB | load ms | first ms | third ms |\n|---|---:|---:|---:|---:|\n");
  for (const auto& path : paths) {
    std::vector<Times> runs;
    for (int i = 0; i < kProcesses; ++i) {
      if (const auto times = mho::bench::in_child<Times>([&] { return measure(path); })) runs.push_back(*times);
    }
    if (runs.empty()) return 1;
    fmt::print("| {} | {:.1f} | {:.1f} | {:.1f} | {:.2f} |\n", path.stem().string(),
               static_cast<double>(std::filesystem::file_size(path)) / (1 << 20), median(runs, &Times::load),
               median(runs, &Times::first), median(runs, &Times::third));
  }
  return 0;
}
