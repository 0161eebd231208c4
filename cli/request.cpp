// From `mho attribute` options to a Request: everything that needs neither model nor files.
#include "request.h"

#include <fmt/format.h>
#include <mho/rows.h>

#include <algorithm>
#include <filesystem>

#include "destination.h"
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

void set_ablation(const AttributeArguments& arguments, Request& request) {
  if (!(arguments.units.empty() && arguments.replace.empty()) && request.method != Method::kAblation) {
    refuse("--units and --replace need -m ablation");
  }
  if (!arguments.units.empty()) request.ablation.unit = parse_ablation_unit(arguments.units).value();
  if (!arguments.replace.empty()) request.ablation.replacement = parse_replacement(arguments.replace).value();
}

/// "RULE" or "NODES=RULE". Node names may contain '=', rules do not.
struct NodesAndRule {
  std::string nodes = "*";
  std::string rule;
};
NodesAndRule split_rule(const std::string& text) {
  const std::size_t at = text.rfind('=');
  if (at == std::string::npos) return {"*", text};
  if (at == 0) refuse(fmt::format("--rule {}: no node is named before the '='", text));
  return {text.substr(0, at), text.substr(at + 1)};
}

LrpRuleChoice parse_lrp_choice(const std::string& text) {
  const auto [nodes, name] = split_rule(text);
  const auto rule = parse_lrp_rule(name);
  if (!rule) refuse(fmt::format("--rule {}: '{}' is none of epsilon:E, gamma:G, alphabeta:A", text, name));
  return {nodes, *rule};
}

/// A shard writes chunks: what would need all of them is done by `mho merge`, or with its result.
void check_shard(const AttributeArguments& arguments) {
  if (!parse_shard(arguments.shard)) return;
  if (arguments.result.empty()) refuse("--shard keeps chunks beside a result: it needs -o FILE");
  if (arguments.force) refuse("--force would take away what other shards computed: remove the folder of parts instead");
  if (arguments.json) refuse("--json tells of all examples: a shard has none of others'; mho merge makes the result");
  if (arguments.aggregate) {
    refuse("--aggregate needs all examples: a shard keeps the values of its own; take means of the merged result");
  }
}

}  // namespace

std::optional<io::Shard> parse_shard(const std::string& text) {
  constexpr std::int64_t kMost = 1'000'000;
  if (text.empty()) return std::nullopt;
  const std::vector<std::string> words = split(text, '/');
  const auto index = parse_integer(words[0]);
  const auto count = words.size() == 2 ? parse_integer(words[1]) : std::nullopt;
  if (!index || !count || *count < 1 || *count > kMost) {
    refuse(fmt::format("--shard {}: is not I/N, such as 0/4 for the first of four", text));
  }
  if (*index < 0 || *index >= *count) {
    refuse(fmt::format("--shard {}: shards are counted from 0, so there are 0/{} to {}/{}", text, *count, *count - 1,
                       *count));
  }
  return io::Shard{*index, *count};
}

RuleChoice parse_rule_choice(const std::string& text) {
  const auto [nodes, name] = split_rule(text);
  const auto rule = parse_rule(name);
  if (!rule) {
    refuse(fmt::format("--rule {}: '{}' is none of rescale, reveal_cancel, genomics, gradient, linear", text, name));
  }
  return {nodes, *rule};
}

Request make_request(const AttributeArguments& arguments) {
  Request request;
  const auto method = parse_method(arguments.method);
  if (!method) {
    refuse(
        fmt::format("-m: '{}' is none of nig, deeplift, conductance, ig, activation, gradient, gradient_x_activation, "
                    "internal_influence, grad_cam, lrp, ablation",
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
  const bool compares = *method == Method::kDeepLift || walks_a_path(*method);
  if (!arguments.references.empty() && !compares) {
    refuse("--references needs -m deeplift, or a measure along a path: nig, ig, conductance, internal_influence");
  }
  if (arguments.shuffles && !compares) {
    refuse("--shuffles needs -m deeplift, or a measure along a path: nig, ig, conductance, internal_influence");
  }
  if (arguments.shuffles && !(arguments.baselines.empty() && arguments.references.empty())) {
    refuse("--shuffles takes the place of -b and --references: give one of them");
  }
  const bool lrp = *method == Method::kLrp;
  if (!arguments.rules.empty() && !lrp && *method != Method::kDeepLift) refuse("--rule needs -m deeplift or -m lrp");
  for (const std::string& text : arguments.rules) {
    if (lrp) request.lrp_rules.push_back(parse_lrp_choice(text));
    if (!lrp) request.rules.push_back(parse_rule_choice(text));
  }
  if (arguments.signed_map && *method != Method::kGradCam) refuse("--signed-map needs -m grad_cam");
  if (arguments.split_by_input && arguments.positions != "none") refuse("--split-by-input has no --positions");
  if (arguments.aggregate && arguments.one_example)
    refuse("--aggregate needs examples: it goes not with --one-example");
  if (arguments.aggregate && !arguments.picture.empty())
    refuse("--picture draws examples: it goes not with --aggregate");
  if (!arguments.references.empty() && !arguments.baselines.empty()) {
    refuse("--references takes the place of -b: give one of them");
  }
  set_ablation(arguments, request);
  const bool path_options =
      arguments.steps || arguments.tolerance || arguments.max_steps || !arguments.quadrature.empty();
  if (path_options && !walks_a_path(*method)) {
    refuse(fmt::format("-m {} has no path: it takes no --tolerance, --max-steps, --steps or --quadrature",
                       arguments.method));
  }
  set_path(arguments, request);
  request.split_by_input = arguments.split_by_input;
  request.multipliers = arguments.multipliers;
  request.signed_map = arguments.signed_map;
  request.aggregate_positions = parse_positions(arguments.positions).value_or(PositionAggregate::kNone);
  request.subtract_class_mean = arguments.class_mean;
  request.micro_batch = arguments.micro_batch;
  request.memory_budget = parse_bytes(arguments.memory, "--memory");
  return request;
}

std::vector<std::string> files_read(const AttributeArguments& arguments) {
  std::vector<std::string> read = arguments.inputs;
  read.insert(read.end(), arguments.baselines.begin(), arguments.baselines.end());
  read.insert(read.end(), arguments.references.begin(), arguments.references.end());
  if (arguments.target.starts_with('@')) read.push_back(arguments.target.substr(1));
  read.push_back(arguments.model);
  return read;
}

void check_destinations(const AttributeArguments& arguments) {
  check_shard(arguments);
  const std::vector<std::string> read = files_read(arguments);
  const auto allowed = [&](const std::string& option, const std::string& path, const std::vector<std::string>& endings,
                           bool force) { check_destination(option, path, endings, force, read); };
  std::error_code unknown;
  // Whether it is another result, or this one, finished by a run that was killed then, is told under the lock.
  const bool unfinished = streams(arguments) && fs::is_directory(arguments.result + ".parts", unknown);
  if (!arguments.result.empty()) allowed("-o", arguments.result, {".npz", ".h5"}, arguments.force || unfinished);
  if (!arguments.picture.empty()) allowed("--picture", arguments.picture, {".png"}, arguments.force);
  if (!arguments.page.empty()) allowed("--report", arguments.page, {".html"}, arguments.force);
  if (arguments.result.empty() && arguments.chunk != 0) refuse("--chunk keeps results in a file: it needs -o FILE");
  if (!streams(arguments)) return;
  for (const auto& [option, given] :
       {std::pair{"--picture", !arguments.picture.empty()}, std::pair{"--report", !arguments.page.empty()},
        std::pair{"--aggregate", arguments.aggregate}, std::pair{"--replace mean", arguments.replace == "mean"}}) {
    if (given)
      refuse(fmt::format("{} needs all examples in memory: it goes with neither HDF5 files nor --chunk", option));
  }
}

bool streams(const AttributeArguments& arguments) {
  if (arguments.result.empty()) return false;
  const auto is_hdf5 = [](const std::string& text) {
    return io::is_hdf5_path(parse_reference(text).file) ||
           io::is_hdf5_path(parse_reference(text.substr(text.find('=') + 1)).file);
  };
  return arguments.chunk > 0 || !arguments.shard.empty() || fs::path(arguments.result).extension() == ".h5" ||
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
