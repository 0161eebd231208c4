// What the commands are told on the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inputs.h"
#include "limit_options.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own
class App;
}

namespace mho::cli {

struct InspectArguments {
  std::string model;
  std::vector<std::string> shapes;  ///< "NAME=1x3x224x224"
  std::string output;
  bool probability = false;
  std::vector<std::string> inputs;
  std::vector<std::string> at;
  bool one_example = false;
  PictureArguments pictures;
  Limits limits = {};
  std::string max_memory = {};
  bool json = false;
};

struct AttributeArguments {
  std::string model;
  std::vector<std::string> inputs;
  std::vector<std::string> layers;
  std::string method = "nig";
  std::string target = "argmax";
  std::string labels;
  std::vector<std::string> baselines;
  std::vector<std::string> at;
  bool one_example = false;
  std::string output;
  bool probability = false;
  std::string examples;
  PictureArguments pictures;

  std::optional<double> tolerance;
  std::optional<std::int64_t> max_steps;
  std::optional<std::int64_t> steps;
  std::string quadrature;
  bool exact = false;
  std::optional<std::int64_t> max_breakpoints;
  bool split_by_input = false;
  std::vector<std::string> rules;  ///< "RULE" or "NODES=RULE"
  bool multipliers = false;
  bool signed_map = false;
  std::string positions = "none";
  bool aggregate = false;
  bool per_class = false;
  std::string units;    ///< ablation: "neuron" or "channel"; "": not given
  std::string replace;  ///< ablation: "baseline", "zero" or "mean"; "": not given
  bool class_mean = false;
  std::vector<std::string> references;
  std::optional<std::int64_t> shuffles;  ///< dinucleotide shuffles as references
  std::uint64_t seed = 0;                ///< of the shuffles

  std::string precision = "single";
  bool winograd = true;
  int threads = 0;
  std::int64_t micro_batch = 0;
  std::string memory = "512M";
  Limits limits = {};
  std::string max_memory = {};

  std::string result;             ///< .npz or .h5 to write
  std::string store = "float64";  ///< type of the values there
  std::int64_t chunk = 0;         ///< examples computed and kept at once; 0: as the memory allows
  std::string shard;              ///< "I/N": of N processes, this is the one with number I
  std::string picture;            ///< .png to write
  std::string page;               ///< .html to write
  std::size_t top = 5;
  bool json = false;
  bool quiet = false;
  bool force = false;

  std::string command;  ///< the whole command line but --shard, for the result's metadata
};

struct MergeArguments {
  std::vector<std::string> parts;  ///< one result, or with `result` folders of parts
  std::string result;
  bool force = false;
  bool quiet = false;
};

struct EvaluateArguments {
  AttributeArguments question;  ///< what is common to all methods; `result` is a .json
  std::string methods = "nig,deeplift,internal_influence,gradient_x_activation,activation";
  std::string units = "neuron";
  std::string replace = "baseline";
  std::int64_t points = 50;
  std::int64_t single = 1000;
  std::int64_t top = 10;
  std::int64_t subsets = 100;
  std::int64_t noises = 10;
  double radius = 0.02;
  std::int64_t resamples = 1000;
  double confidence = 0.95;
  std::string statistic = "mean";
  std::uint64_t seed = 0;
};

struct OpsArguments {
  bool json = false;
  bool markdown = false;
};

/// `-i` takes every word up to the next option, so that `-i *.png` works: a MODEL written behind it is found here.
/// Throws Error(kInvalidArgument) where there is none.
void find_model(AttributeArguments& arguments);

/// Add a command with its options, help and example to `app`; parsing fills `arguments`, which must live as long.
CLI::App* declare_inspect(CLI::App& app, InspectArguments& arguments);
CLI::App* declare_attribute(CLI::App& app, AttributeArguments& arguments);
/// Of the arguments, those of the measure that is checked: no method, layers or results.
CLI::App* declare_check(CLI::App& app, AttributeArguments& arguments);
CLI::App* declare_evaluate(CLI::App& app, EvaluateArguments& arguments);
CLI::App* declare_merge(CLI::App& app, MergeArguments& arguments);
CLI::App* declare_ops(CLI::App& app, OpsArguments& arguments);
/// The options that say how pictures are decoded.
void declare_pictures(CLI::App& command, PictureArguments& pictures);

}  // namespace mho::cli
