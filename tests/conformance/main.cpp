// Runs the ONNX backend test-suite: conformance [--device reference|cpu] [--require FILE] [--exceptions FILE]
// [--verbose] [--markdown FILE] FOLDER. Prints every failure with its reason, counts per opset, and passed, failed,
// not supported, exceptions; FILE gets the counts per opset and operator.
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
#include <vector>

#include "cases.h"

namespace {

using mho::conformance::Report;
using mho::conformance::Verdict;

struct Options {
  std::string folder;
  std::string device = "reference";
  std::string require;     ///< operators whose cases must be supported, one per line
  std::string exceptions;  ///< "case-name reason" or "device:case-name reason", one per line
  std::string markdown;    ///< file for the table per operator
  bool verbose = false;    ///< print why cases are not supported
};

constexpr std::string_view kUsage =
    "usage: conformance [--device reference|cpu] [--require FILE] [--exceptions FILE] [--verbose] "
    "[--markdown FILE] FOLDER\n";

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
    } else if (argument == "--markdown") {
      if (!value(options.markdown)) return std::nullopt;
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

using Counts = std::array<int, 4>;  // per Verdict

/// Turns the verdict of the case alone into that under the lists. Cases of required operators only, and of types that
/// mho reads, must be supported; listed exceptions must still be needed.
void judge(Report& report, const std::map<std::string, std::string>& required, const std::string* exception) {
  if (exception != nullptr) {
    if (report.verdict == Verdict::passed) {
      report.verdict = Verdict::failed;
      report.reason = "it passes, but is listed as an exception: remove it there";
    } else {
      report.verdict = Verdict::exception;
      report.reason = *exception;
    }
    return;
  }
  if (report.verdict != Verdict::not_supported || required.empty() || report.operators.empty()) return;
  if (!report.common_types) return;
  if (!std::ranges::all_of(report.operators, [&](const std::string& op) { return required.contains(op); })) return;
  report.verdict = Verdict::failed;
  report.reason = "required, but not supported: " + report.reason;
}

/// Exceptions that hold on `device`: those of every device, and those that name this one.
std::map<std::string, std::string> exceptions_of(const std::string& path, const std::string& device) {
  std::map<std::string, std::string> result;
  for (auto& [name, reason] : read_list(path)) {
    const std::size_t colon = name.find(':');
    if (colon == std::string::npos) {
      result.emplace(name, reason);
    } else if (name.substr(0, colon) == device) {
      result.emplace(name.substr(colon + 1), reason);
    }
  }
  return result;
}

/// Whether the goal is to pass this case: tensors of the types mho reads, nothing of training, strings, sequences,
/// optionals or image decoding.
bool is_goal(const Report& report) {
  constexpr std::string_view kOther[] = {
      "ConcatFromSequence", "ImageDecoder",    "Optional", "RegexFullMatch",
      "Sequence",           "SplitToSequence", "String",   "ai.onnx.preview.training"};
  const auto is_other = [&](const std::string& name) {
    return std::ranges::any_of(kOther, [&](std::string_view prefix) { return name.starts_with(prefix); });
  };
  return report.common_types && std::ranges::none_of(report.operators, is_other);
}

std::string describe_goal(const Counts& goal) {
  const int all = goal[0] + goal[1] + goal[2] + goal[3];
  return fmt::format("{} of {} ({:.1f} %)", goal[0], all, all > 0 ? 100.0 * goal[0] / all : 0.0);
}

void write_markdown(const std::string& path, const std::string& device, const Counts& total, const Counts& goal,
                    const std::map<std::int64_t, Counts>& per_opset, const std::map<std::string, Counts>& per_operator,
                    const std::map<std::string, std::vector<std::string>>& reasons) {
  std::ofstream file(path);
  file << "# ONNX backend test-suite\n\nMade by `./dev conformance`; do not edit.\n\n"
       << fmt::format("{} passed, {} failed, {} not supported, {} exceptions, on the {} device. ", total[0], total[1],
                      total[2], total[3], device)
       << "Of the cases of\nfloat, bool and integer tensors of 8 to 64 bits, without training, strings, sequences, "
          "optionals and image decoding,\n"
       << describe_goal(goal)
       << " pass. Operators, functions, small models: a case counts for every operator it contains.\n\n"
       << "| opset | passed | failed | not supported | exceptions |\n|---:|---:|---:|---:|---:|\n";
  for (const auto& [opset, counts] : per_opset) {
    file << fmt::format("| {} | {} |\n", opset == 0 ? "none" : std::to_string(opset), fmt::join(counts, " | "));
  }
  file << "\n| operator | passed | failed | not supported | exceptions |\n|---|---:|---:|---:|---:|\n";
  for (const auto& [name, counts] : per_operator) {
    file << fmt::format("| {} | {} |\n", name, fmt::join(counts, " | "));
  }
  file << "\n## Exceptions\nCases that differ or are left out on purpose.\n\n";
  for (const auto& [reason, names] : reasons) file << fmt::format("- {}: {}.\n", reason, fmt::join(names, ", "));
  if (!file.flush()) throw std::runtime_error(fmt::format("cannot write {}", path));
}

int run(const Options& options) {
  const auto required = read_list(options.require);
  const auto exceptions = exceptions_of(options.exceptions, options.device);
  const auto device =
      options.device == "cpu" ? mho::kernels::make_cpu_device(0) : mho::kernels::make_reference_device();
  std::map<std::int64_t, Counts> per_opset;
  std::map<std::string, Counts> per_operator;
  std::map<std::string, std::vector<std::string>> reasons;
  Counts total{}, goal{};
  for (const auto& folder : mho::conformance::find_cases(options.folder)) {
    Report report = mho::conformance::run_case(folder, options.folder, *device, {});
    const auto exception = exceptions.find(report.name);
    judge(report, required, exception == exceptions.end() ? nullptr : &exception->second);
    if (report.verdict == Verdict::failed) fmt::print("FAILED {}: {}\n", report.name, report.reason);
    if (report.verdict == Verdict::not_supported && options.verbose) {
      fmt::print("not supported {} [{}]: {}\n", report.name, fmt::join(report.operators, " "), report.reason);
    }
    const auto column = static_cast<std::size_t>(report.verdict);
    ++per_opset[report.opset][column];
    ++total[column];
    if (is_goal(report)) ++goal[column];
    for (const std::string& name : report.operators) ++per_operator[name][column];
    if (report.verdict == Verdict::exception) reasons[report.reason].push_back(report.name);
  }
  for (const auto& [opset, counts] : per_opset) {
    fmt::print("opset {:2}: {:4} passed, {:3} failed, {:4} not supported, {:3} exceptions\n", opset, counts[0],
               counts[1], counts[2], counts[3]);
  }
  if (!options.markdown.empty())
    write_markdown(options.markdown, options.device, total, goal, per_opset, per_operator, reasons);
  fmt::print("of float, bool and integer tensors, without training, strings, sequences, optionals, images: {}\n",
             describe_goal(goal));
  fmt::print("{} passed, {} failed, {} not supported, {} exceptions\n", total[0], total[1], total[2], total[3]);
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
