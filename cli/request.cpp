// From `mho attribute` options to a Request: everything that needs neither model nor files.
#include "request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/rows.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "text.h"

namespace mho::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

bool walks_a_path(Method method) {
  return method == Method::kNig || method == Method::kConductance || method == Method::kIg ||
         method == Method::kInternalInfluence;
}

/// `--exact`: no rule, and nothing that a rule would need.
void set_exact(const AttributeArguments& arguments, Request& request) {
  if (request.method == Method::kConductance || !walks_a_path(request.method)) {
    refuse(fmt::format("--exact is for nig, ig and internal_influence, not {}", arguments.method));
  }
  if (!arguments.quadrature.empty() && arguments.quadrature != "exact") {
    refuse(fmt::format("--exact takes the place of --quadrature {}: give one of them", arguments.quadrature));
  }
  if (arguments.steps || arguments.tolerance || arguments.max_steps) {
    refuse("--exact has no error to bound: it takes no --steps, --tolerance or --max-steps");
  }
  if (arguments.max_breakpoints && *arguments.max_breakpoints < 1) refuse("--max-breakpoints must be at least 1");
  request.quadrature = Quadrature::kExact;
  if (arguments.max_breakpoints) request.max_breakpoints = *arguments.max_breakpoints;
}

void set_path(const AttributeArguments& arguments, Request& request) {
  if (arguments.exact || arguments.quadrature == "exact") return set_exact(arguments, request);
  if (arguments.max_breakpoints) refuse("--max-breakpoints needs --exact");
  const bool fixed = arguments.steps.has_value();
  if (!arguments.quadrature.empty()) {
    const auto rule = parse_quadrature(arguments.quadrature);
    if (!rule) {
      refuse(fmt::format(
          "--quadrature: '{}' is none of adaptive, secant, exact, trapezoid, left, right, midpoint, gauss_legendre",
          arguments.quadrature));
    }
    request.quadrature = *rule;
    if (*rule != Quadrature::kAdaptive && *rule != Quadrature::kSecant && !fixed) {
      refuse(fmt::format("--quadrature {} needs a number of segments: --steps N", arguments.quadrature));
    }
  }
  if (fixed && (arguments.tolerance || arguments.max_steps)) {
    refuse("--steps fixes the path: it goes with neither --tolerance nor --max-steps");
  }
  if (fixed && *arguments.steps < 1) refuse("--steps must be at least 1");
  if (arguments.max_steps && *arguments.max_steps < 1) refuse("--max-steps must be at least 1");
  if (arguments.tolerance && !(*arguments.tolerance > 0 && *arguments.tolerance < 1)) {
    refuse("--tolerance must be above 0 and below 1");
  }
  if (fixed) request.steps = *arguments.steps;
  if (arguments.tolerance) request.tolerance = *arguments.tolerance;
  if (arguments.max_steps) request.max_steps = *arguments.max_steps;
}

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code unknown;
  return fs::equivalent(a, b, unknown);
}

void check_destination(const std::string& option, const fs::path& path, const std::vector<std::string>& endings,
                       const AttributeArguments& arguments) {
  if (std::ranges::find(endings, path.extension().string()) == endings.end()) {
    refuse(fmt::format("{} {}: the name must end in {}", option, path.string(), fmt::join(endings, " or ")));
  }
  std::error_code unknown;
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, unknown)) {
    refuse(fmt::format("{} {}: there is no folder {}", option, path.string(), folder.string()));
  }
  if (access(folder.c_str(), W_OK) != 0) {
    refuse(fmt::format("{} {}: folder {} cannot be written to", option, path.string(), folder.string()));
  }
  if (fs::is_directory(path, unknown)) refuse(fmt::format("{} {} is a folder", option, path.string()));
  if (!fs::exists(fs::symlink_status(path, unknown))) return;
  // Whether it is another result, or this one, finished by a run that was killed then, is told under the lock.
  const bool unfinished = streams(arguments) && fs::is_directory(path.string() + ".parts", unknown);
  if (!arguments.force && !unfinished) {
    refuse(fmt::format("{} {} exists already; choose another name or add --force", option, path.string()));
  }
  std::vector<std::string> read = arguments.inputs;
  read.insert(read.end(), arguments.baselines.begin(), arguments.baselines.end());
  read.insert(read.end(), arguments.references.begin(), arguments.references.end());
  if (arguments.target.starts_with('@')) read.push_back(arguments.target.substr(1));
  const bool is_read = std::ranges::any_of(read, [&](const std::string& text) {
    return same_file(parse_reference(text).file, path) ||
           same_file(parse_reference(text.substr(text.find('=') + 1)).file, path);
  });
  if (is_read || same_file(arguments.model, path)) {
    refuse(fmt::format("{} {} is also read by this run; choose another name", option, path.string()));
  }
}

}  // namespace

RuleChoice parse_rule_choice(const std::string& text) {
  // Node names may contain '=', rules do not.
  const std::size_t at = text.rfind('=');
  const std::string name = at == std::string::npos ? text : text.substr(at + 1);
  const auto rule = parse_rule(name);
  if (!rule) {
    refuse(fmt::format("--rule {}: '{}' is none of rescale, reveal_cancel, genomics, gradient, linear", text, name));
  }
  if (at == 0) refuse(fmt::format("--rule {}: no node is named before the '='", text));
  return {at == std::string::npos ? "*" : text.substr(0, at), *rule};
}

Request make_request(const AttributeArguments& arguments) {
  Request request;
  const auto method = parse_method(arguments.method);
  if (!method) {
    refuse(
        fmt::format("-m: '{}' is none of nig, deeplift, conductance, ig, activation, gradient, gradient_x_activation, "
                    "internal_influence",
                    arguments.method));
  }
  request.method = *method;
  request.layers = arguments.layers;
  request.at = arguments.at;
  request.output = arguments.output;
  request.probability = arguments.probability;
  if (std::ranges::find(arguments.layers, "") != arguments.layers.end()) refuse("-l: a layer has no name");
  if (*method == Method::kIg && !arguments.layers.empty()) {
    refuse("-m ig is at the input: it takes no -l (for layers: -m nig)");
  }
  if (arguments.split_by_input && *method != Method::kConductance) {
    refuse("--split-by-input needs -m conductance");
  }
  if (arguments.multipliers && *method != Method::kDeepLift) refuse("--multipliers needs -m deeplift");
  if (!arguments.references.empty() && *method != Method::kDeepLift) refuse("--references needs -m deeplift");
  if (arguments.shuffles && *method != Method::kDeepLift) refuse("--shuffles needs -m deeplift");
  if (arguments.shuffles && !(arguments.baselines.empty() && arguments.references.empty())) {
    refuse("--shuffles takes the place of -b and --references: give one of them");
  }
  if (!arguments.rules.empty() && *method != Method::kDeepLift) refuse("--rule needs -m deeplift");
  for (const std::string& text : arguments.rules) request.rules.push_back(parse_rule_choice(text));
  if (!arguments.references.empty() && !arguments.baselines.empty()) {
    refuse("--references takes the place of -b: give one of them");
  }
  const bool path_options =
      arguments.steps || arguments.tolerance || arguments.max_steps || !arguments.quadrature.empty();
  if (path_options && !walks_a_path(*method)) {
    refuse(fmt::format("-m {} has no path: it takes no --tolerance, --max-steps, --steps or --quadrature",
                       arguments.method));
  }
  set_path(arguments, request);
  request.split_by_input = arguments.split_by_input;
  request.multipliers = arguments.multipliers;
  request.subtract_class_mean = arguments.class_mean;
  request.micro_batch = arguments.micro_batch;
  request.memory_budget = parse_bytes(arguments.memory, "--memory");
  return request;
}

void check_destinations(const AttributeArguments& arguments) {
  if (!arguments.result.empty()) check_destination("-o", arguments.result, {".npz", ".h5"}, arguments);
  if (!arguments.picture.empty()) check_destination("--picture", arguments.picture, {".png"}, arguments);
  if (arguments.result.empty() && arguments.chunk != 0) refuse("--chunk keeps results in a file: it needs -o FILE");
  if (streams(arguments) && !arguments.picture.empty()) {
    refuse("--picture needs all results in memory: it goes with neither HDF5 files nor --chunk");
  }
}

bool streams(const AttributeArguments& arguments) {
  if (arguments.result.empty()) return false;
  const auto is_hdf5 = [](const std::string& text) {
    return io::is_hdf5_path(parse_reference(text).file) ||
           io::is_hdf5_path(parse_reference(text.substr(text.find('=') + 1)).file);
  };
  return arguments.chunk > 0 || fs::path(arguments.result).extension() == ".h5" ||
         std::ranges::any_of(arguments.inputs, is_hdf5);
}

std::string quadrature_text(const Request& request) {
  if (!walks_a_path(request.method)) return "";
  if (request.quadrature == Quadrature::kAdaptive && request.steps == 0) {
    return fmt::format("adaptive to tolerance {:g}, at most {} segments", request.tolerance, request.max_steps);
  }
  if (request.quadrature == Quadrature::kSecant && request.steps == 0) {
    return fmt::format("adaptive secants to tolerance {:g}, at most {} segments", request.tolerance, request.max_steps);
  }
  if (request.quadrature == Quadrature::kExact) return "exact: every linear piece of the path, in double precision";
  if (request.quadrature == Quadrature::kAdaptive) {
    return fmt::format("{} segments, by secants, or trapezoids on smooth models", request.steps);
  }
  return fmt::format("{} segments, {}", request.steps, to_string(request.quadrature));
}

}  // namespace mho::cli
