// Runs the ONNX backend test-suite: conformance [--device reference|cpu] [--require FILE] [--exceptions FILE]
// [--verbose] FOLDER. Prints every failure with its reason, counts per opset, and passed, failed, not supported.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cases.h"

namespace {

using mho::conformance::Report;
using mho::conformance::Verdict;

struct Options {
  std::string folder;
  std::string device = "reference";
  std::string require;     ///< operators whose cases must be supported, one per line
  std::string exceptions;  ///< "case-name reason", one per line
  bool verbose = false;    ///< print why cases are not supported
};

constexpr std::string_view kUsage =
    "usage: conformance [--device reference|cpu] [--require FILE] [--exceptions FILE] [--verbose] FOLDER\n";

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const auto value = [&](std::string& target) {
      if (++i < argc) target = argv[i];
      return i < argc;
    };
    if (argument == "--verbose") {
      options.verbose = true;
    } else if (argument == "--device") {
      if (!value(options.device)) return std::nullopt;
    } else if (argument == "--require") {
      if (!value(options.require)) return std::nullopt;
    } else if (argument == "--exceptions") {
      if (!value(options.exceptions)) return std::nullopt;
    } else if (argument.starts_with("-") || !options.folder.empty()) {
      return std::nullopt;
    } else {
      options.folder = argument;
    }
  }
  if (options.folder.empty() || (options.device != "reference" && options.device != "cpu")) return std::nullopt;
  return options;
}

/// First word of every line -> the rest of it. '#' begins a comment line.
std::map<std::string, std::string> read_list(const std::string& path) {
  std::map<std::string, std::string> entries;
  if (path.empty()) return entries;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(fmt::format("cannot read {}", path));
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = std::min(line.find(' '), line.size());
    entries.emplace(line.substr(0, space), space < line.size() ? line.substr(space + 1) : "");
  }
  return entries;
}

/// Cases of required operators only must be supported, unless an exception says why not.
void demand(Report& report, const std::map<std::string, std::string>& required,
            const std::map<std::string, std::string>& exceptions) {
  if (report.verdict != Verdict::not_supported || required.empty() || exceptions.contains(report.name)) return;
  const bool all_required =
      !report.operators.empty() &&
      std::ranges::all_of(report.operators, [&](const std::string& op) { return required.contains(op); });
  if (!all_required) return;
  report.verdict = Verdict::failed;
  report.reason = "required, but not supported: " + report.reason;
}

int run(const Options& options) {
  const auto required = read_list(options.require);
  const auto exceptions = read_list(options.exceptions);
  const auto device =
      options.device == "cpu" ? mho::kernels::make_cpu_device(0) : mho::kernels::make_reference_device();
  std::map<std::int64_t, std::array<int, 3>> per_opset;
  std::array<int, 3> total{};
  for (const auto& folder : mho::conformance::find_cases(options.folder)) {
    Report report = mho::conformance::run_case(folder, options.folder, *device, {});
    demand(report, required, exceptions);
    if (report.verdict == Verdict::passed && exceptions.contains(report.name)) {
      report.verdict = Verdict::failed;
      report.reason = "it passes, but is listed as an exception: remove it there";
    }
    if (report.verdict == Verdict::failed) fmt::print("FAILED {}: {}\n", report.name, report.reason);
    if (report.verdict == Verdict::not_supported && options.verbose) {
      fmt::print("not supported {} [{}]: {}\n", report.name, fmt::join(report.operators, " "), report.reason);
    }
    const auto column = static_cast<std::size_t>(report.verdict);
    ++per_opset[report.opset][column];
    ++total[column];
  }
  for (const auto& [opset, counts] : per_opset) {
    fmt::print("opset {:2}: {:4} passed, {:3} failed, {:4} not supported\n", opset, counts[0], counts[1], counts[2]);
  }
  fmt::print("{} passed, {} failed, {} not supported\n", total[0], total[1], total[2]);
  return total[1] == 0 && total[0] > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  try {
    return run(*options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "conformance: {}\n", error.what());
    return 1;
  }
}
