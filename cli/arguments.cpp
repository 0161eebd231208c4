// What the commands are told on the command line.
#include "arguments.h"

#include <mho/error.h>

#include <CLI/CLI.hpp>
#include <algorithm>

namespace mho::cli {

namespace {

void declare_target(CLI::App& command, std::string& output, bool& probability) {
  command.add_option("--output", output, "Output tensor that is explained (default: the first)")->type_name("NAME");
  command.add_flag("--probability", probability, "Explain the result of a final Softmax or Sigmoid, not its input");
}

void declare_path(CLI::App& command, std::vector<std::string>& at, bool& one_example) {
  command
      .add_option("--at", at,
                  "Tensor at which the path begins, such as a token embedding (default: real inputs, and what integer "
                  "inputs look up in constant tables); may be repeated")
      ->type_name("TENSOR")
      ->allow_extra_args(false);
  command.add_flag("--one-example", one_example,
                   "All inputs together are one example, whatever their leading axes (a graph's nodes and edges)");
}

}  // namespace

void declare_pictures(CLI::App& command, PictureArguments& pictures) {
  const char* group = "Pictures as inputs";
  command.add_option("--size", pictures.size, "Resize to this (default: what the model declares)")
      ->type_name("HxW")
      ->group(group);
  command.add_option("--mean", pictures.mean, "Subtracted after scaling; one number or one per channel")
      ->type_name("A,B,C")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--std", pictures.stddev, "Divided by after that; one number or one per channel")
      ->type_name("A,B,C")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--scale", pictures.scale, "Pixels 0..255 are multiplied by this (default: 1/255)")
      ->type_name("S")
      ->group(group);
  command.add_flag("--bgr", pictures.bgr, "Channels in the order blue, green, red")->group(group);
  command.add_flag("--grey", pictures.grey, "One channel")->group(group);
  command.add_flag("--channels-last", pictures.channels_last, "[N, H, W, C] instead of [N, C, H, W]")->group(group);
  const char* texts = "Texts as inputs";
  command
      .add_option("--unknown-letter", pictures.unknown_letter,
                  "FASTA: what all four rows hold where the letter is not A, C, G or T (default 0)")
      ->type_name("V")
      ->group(texts);
  command
      .add_option("--pad", pictures.padding,
                  "JSON: shorter lists are filled up with ID; NAME=ID for one input; may be repeated")
      ->type_name("ID")
      ->allow_extra_args(false)
      ->group(texts);
}

namespace {

/// What is explained, against what, and how finely.
void declare_question(CLI::App& command, AttributeArguments& arguments) {
  const char* group = "Measure";
  command
      .add_option("-t,--target", arguments.target,
                  "argmax (default); 7; 3,1,2; 7:3 for output[7] - output[3]; a label; @FILE.npy: one per example")
      ->type_name("TARGET")
      ->group(group);
  command.add_option("--labels", arguments.labels, "Names of the outputs, one per line")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("-b,--baseline", arguments.baselines,
                  "Where the path begins: a number (default 0), mean, FILE, NAME=NUMBER or NAME=FILE; may be repeated")
      ->type_name("BASELINE")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--tolerance", arguments.tolerance,
                  "Relative error per example and layer at which the path is fine enough (default 0.01)")
      ->type_name("T")
      ->group(group);
  command.add_option("--max-steps", arguments.max_steps, "Most segments of an adaptive path (default 1024)")
      ->type_name("N")
      ->group(group);
  command.add_option("--steps", arguments.steps, "A fixed number of segments instead")->type_name("N")->group(group);
  command
      .add_option(
          "--quadrature", arguments.quadrature,
          "Rule for --steps: trapezoid (default), left, right, midpoint, gauss_legendre or secant; secant without "
          "--steps finds the number of segments itself; exact as --exact")
      ->type_name("RULE")
      ->group(group);
  command.add_flag("--class-mean", arguments.class_mean, "Subtract the mean over all elements of the output from F")
      ->group(group);
  command
      .add_option(
          "--rule", arguments.rules,
          "deeplift: rescale (default), reveal_cancel, genomics, gradient or linear, for all nodes or for those "
          "with a name, glob or operator type: NODES=RULE; lrp: epsilon:E (default, 1e-9), gamma:G or alphabeta:A, "
          "likewise; may be repeated")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->group(group);
  declare_target(command, arguments.output, arguments.probability);
  declare_path(command, arguments.at, arguments.one_example);
}

void declare_ablation(CLI::App& command, AttributeArguments& arguments, const char* group) {
  command
      .add_option("--units", arguments.units,
                  "ablation: what is replaced at once, neuron (default) or channel (axis 1)")
      ->type_name("UNITS")
      ->check(CLI::IsMember({"neuron", "channel"}).description(""))
      ->group(group);
  command
      .add_option("--replace", arguments.replace,
                  "ablation: by what, baseline (default: the layer at the baseline), zero or mean (over the examples)")
      ->type_name("WITH")
      ->check(CLI::IsMember({"baseline", "zero", "mean"}).description(""))
      ->group(group);
}

void declare_measure(CLI::App& command, AttributeArguments& arguments) {
  const char* group = "Measure";
  command
      .add_option("-m,--method", arguments.method,
                  "nig (default), deeplift, conductance, ig, activation, gradient, gradient_x_activation, "
                  "internal_influence, grad_cam, lrp or ablation")
      ->type_name("METHOD")
      ->group(group);
  declare_question(command, arguments);
  command
      .add_flag(
          "--exact", arguments.exact,
          "No quadrature: sums over the pieces of a piecewise linear network, in double precision; for nig, ig and "
          "internal_influence")
      ->group(group);
  command
      .add_option("--max-breakpoints", arguments.max_breakpoints,
                  "--exact: refuse, with an estimate of the cost, where an example has more (default 20000)")
      ->type_name("N")
      ->group(group);
  command
      .add_option(
          "--references", arguments.references,
          "deeplift and measures along paths: average over the examples of FILE or NAME=FILE in place of a baseline; "
          "may be repeated")
      ->type_name("REFERENCES")
      ->allow_extra_args(false)
      ->group(group);
  command
      .add_option("--shuffles", arguments.shuffles, "likewise over N dinucleotide shuffles of each one-hot sequence")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}).description(""))
      ->group(group);
  command.add_option("--seed", arguments.seed, "Of the shuffles (default 0)")->type_name("SEED")->group(group);
  command.add_flag("--signed-map", arguments.signed_map, "grad_cam: negative values, too")->group(group);
  command.add_flag("--multipliers", arguments.multipliers, "deeplift: multipliers instead of contributions")
      ->group(group);
  declare_ablation(command, arguments, group);
  command.add_flag("--split-by-input", arguments.split_by_input, "conductance: a value per neuron and input element")
      ->group(group);
}

void declare_judging(CLI::App& command, EvaluateArguments& arguments) {
  const char* group = "Evaluation";
  command
      .add_option("--methods", arguments.methods,
                  "Methods as for attribute -m, separated by commas; deeplift:RULE for DeepLIFT with another rule")
      ->type_name("A,B,C")
      ->group(group);
  command.add_option("--units", arguments.units, "What is removed at once: neuron (default) or channel (axis 1)")
      ->type_name("UNITS")
      ->check(CLI::IsMember({"neuron", "channel"}).description(""))
      ->group(group);
  command.add_option("--replace", arguments.replace, "What removed units become: baseline (default), zero or mean")
      ->type_name("WITH")
      ->check(CLI::IsMember({"baseline", "zero", "mean"}).description(""))
      ->group(group);
  const auto number = [&](const char* name, std::int64_t& value, std::int64_t least, const char* help) {
    command.add_option(name, value, help)
        ->type_name("N")
        ->check(CLI::Range(least, std::int64_t{1} << 40).description(""))
        ->group(group);
  };
  number("--points", arguments.points, 1, "Runs per deletion or insertion curve (default 50)");
  number("--single", arguments.single, 1, "Units removed one by one; of more a random sample (default 1000)");
  number("--top", arguments.top, 1, "Units of largest value that are compared between methods (default 10)");
  number("--subsets", arguments.subsets, 0, "Random subsets per example for the infidelity (default 100; 0: none)");
  number("--noises", arguments.noises, 0, "Noisy inputs for the max-sensitivity (default 10; 0: none)");
  command.add_option("--radius", arguments.radius, "Of the noise, as a part of the input's range (default 0.02)")
      ->type_name("R")
      ->group(group);
  number("--resamples", arguments.resamples, 0, "Of the bootstrap (default 1000; 0: no intervals)");
  command.add_option("--confidence", arguments.confidence, "Of the intervals (default 0.95)")
      ->type_name("P")
      ->group(group);
  command.add_option("--statistic", arguments.statistic, "Of the examples: mean (default) or median")
      ->type_name("WHICH")
      ->check(CLI::IsMember({"mean", "median"}).description(""))
      ->group(group);
  command.add_option("--seed", arguments.seed, "Of everything random (default 0)")->type_name("SEED")->group(group);
}

void declare_machine(CLI::App& command, AttributeArguments& arguments) {
  const char* group = "Machine";
  command.add_flag("!--no-winograd", arguments.winograd,
                   "All convolutions sum product by product: slower, 2 to 3 times less rounding in 3 x 3 ones");
  command
      .add_option("--precision", arguments.precision,
                  "single (default), double: slow, the reference, or bf16: faster, and says how far off")
      ->type_name("PRECISION")
      ->check(CLI::IsMember({"single", "double", "bf16"}).description(""))
      ->group(group);
  command.add_option("--threads", arguments.threads, "Threads (default: one per core)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096).description(""))
      ->group(group);
  command.add_option("--micro-batch", arguments.micro_batch, "Path points evaluated at once (default: chosen)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20).description(""))
      ->group(group);
  command.add_option("--memory", arguments.memory, "Memory for stored path points (default 512M)")
      ->type_name("SIZE")
      ->group(group);
  declare_limits(command, arguments.limits, arguments.max_memory);
}

void declare_results(CLI::App& command, AttributeArguments& arguments) {
  const char* group = "Results";
  command.add_option("-o,--result", arguments.result, "Write all attributions here, for numpy.load or h5py")
      ->type_name("FILE.npz|.h5")
      ->group(group);
  command.add_option("--store", arguments.store, "Type of the attributions there: float64 (default) or float32")
      ->type_name("TYPE")
      ->check(CLI::IsMember({"float32", "float64"}).description(""))
      ->group(group);
  command
      .add_option("--chunk", arguments.chunk,
                  "Read, compute and keep N examples at a time; a run that is stopped goes on there (default with .h5: "
                  "chosen)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40).description(""))
      ->group(group);
  command
      .add_option("--shard", arguments.shard,
                  "Of N processes this one computes part I (0 to N-1) of the chunks; mho merge puts them together")
      ->type_name("I/N")
      ->group(group);
  command.add_option("--picture", arguments.picture, "Draw the attributions of every layer")
      ->type_name("FILE.png")
      ->group(group);
  command.add_option("--report", arguments.page, "Write one HTML page with everything to look at (mho report)")
      ->type_name("FILE.html")
      ->group(group);
  command
      .add_option("--positions", arguments.positions,
                  "Layers [channels, positions…] as one value per channel: sum, abs_sum or max (default none)")
      ->type_name("HOW")
      ->check(CLI::IsMember({"none", "sum", "abs_sum", "max"}).description(""))
      ->group(group);
  CLI::Option* aggregate =
      command
          .add_flag("--aggregate", arguments.aggregate,
                    "Means over all examples, of values and of magnitudes, in place of every example's")
          ->group(group);
  command.add_flag("--per-class", arguments.per_class, "--aggregate: also over the examples of every target apart")
      ->needs(aggregate)
      ->group(group);
  command.add_flag("--force", arguments.force, "Overwrite existing files")->group(group);
  command.add_option("--top", arguments.top, "Neurons and channels printed per layer (default 5)")
      ->type_name("K")
      ->check(CLI::Range(std::size_t{0}, std::size_t{1} << 20).description(""))
      ->group(group);
  command.add_flag("--json", arguments.json, "Print one JSON document")->group(group);
  command.add_flag("--quiet", arguments.quiet, "Print nothing but warnings and errors")->group(group);
}

void declare_model_and_inputs(CLI::App& command, AttributeArguments& arguments) {
  command.add_option("MODEL", arguments.model, "ONNX file (required)")->type_name("");
  command
      .add_option(
          "-i,--input", arguments.inputs,
          "Arrays (.npy, .npz, .h5), pictures or a folder of them, FASTA, .csv, .tsv, .json; FILE:ARRAY for one of "
          "several; NAME=FILE for an input by name")
      ->required()
      ->type_name("INPUT");
}

}  // namespace

void find_model(AttributeArguments& arguments) {
  if (!arguments.model.empty()) return;
  for (std::vector<std::string>* words : {&arguments.inputs, &arguments.layers}) {
    const auto is_model = [](const std::string& word) { return word.ends_with(".onnx"); };
    if (std::ranges::count_if(*words, is_model) != 1) continue;
    const auto it = std::ranges::find_if(*words, is_model);
    arguments.model = *it;
    words->erase(it);
    break;
  }
  if (arguments.model.empty()) {
    throw Error(Code::kInvalidArgument, "no MODEL is given; write it first: MODEL -i INPUT");
  }
  if (arguments.inputs.empty()) throw Error(Code::kInvalidArgument, "no input is given: -i FILE");
}

CLI::App* declare_inspect(CLI::App& app, InspectArguments& arguments) {
  CLI::App* command = app.add_subcommand("inspect", "What a model takes and gives, and its layers");
  command->footer("Example:\n  mho inspect examples/digits/cnn.onnx");
  command->add_option("MODEL", arguments.model, "ONNX file")->required()->type_name("");
  command->add_option("--shape", arguments.shapes, "Shape of an input whose extents are symbolic; may be repeated")
      ->type_name("NAME=AxBxC")
      ->allow_extra_args(false);
  command
      ->add_option("-i,--input", arguments.inputs,
                   "Inputs as for attribute, in place of --shape; integer ones may decide loops and branches")
      ->type_name("INPUT");
  declare_target(*command, arguments.output, arguments.probability);
  declare_path(*command, arguments.at, arguments.one_example);
  command->add_flag("--json", arguments.json, "Print one JSON document");
  declare_pictures(*command, arguments.pictures);
  declare_limits(*command, arguments.limits, arguments.max_memory);
  return command;
}

CLI::App* declare_attribute(CLI::App& app, AttributeArguments& arguments) {
  CLI::App* command = app.add_subcommand("attribute", "How much each neuron contributed to an output");
  command->footer(
      "Example:\n"
      "  mho attribute examples/digits/cnn.onnx -i examples/digits/digits.npz -l 'relu*' -o result.npz\n"
      "docs/cli.md explains every option.");
  declare_model_and_inputs(*command, arguments);
  command->add_option("-l,--layer", arguments.layers, "Tensors or nodes by name or glob (default: every cut layer)")
      ->type_name("LAYER");
  command->add_option("--examples", arguments.examples, "Only examples A up to, not including, B")->type_name("A:B");
  declare_measure(*command, arguments);
  declare_results(*command, arguments);
  declare_pictures(*command, arguments.pictures);
  declare_machine(*command, arguments);
  return command;
}

CLI::App* declare_check(CLI::App& app, AttributeArguments& arguments) {
  CLI::App* command = app.add_subcommand("check", "Whether attributions are complete, and where sums are lost");
  command->footer(
      "Example:\n"
      "  mho check examples/digits/cnn.onnx -i examples/digits/digits.npz --examples 0:4\n"
      "docs/cli.md explains what it prints.");
  declare_model_and_inputs(*command, arguments);
  command->add_option("--examples", arguments.examples, "Only examples A up to, not including, B")->type_name("A:B");
  declare_question(*command, arguments);
  command->add_flag("--json", arguments.json, "Print one JSON document");
  declare_pictures(*command, arguments.pictures);
  declare_machine(*command, arguments);
  return command;
}

CLI::App* declare_evaluate(CLI::App& app, EvaluateArguments& arguments) {
  CLI::App* command =
      app.add_subcommand("evaluate", "Which measure predicts best what happens when neurons are removed");
  command->footer(
      "Example:\n"
      "  mho evaluate examples/digits/cnn.onnx -i examples/digits/digits.npz -l 'relu*' --methods nig,deeplift\n"
      "docs/cli.md explains what it prints.");
  AttributeArguments& question = arguments.question;
  declare_model_and_inputs(*command, question);
  command->add_option("-l,--layer", question.layers, "Tensors or nodes by name or glob (default: every cut layer)")
      ->type_name("LAYER");
  command->add_option("--examples", question.examples, "Only examples A up to, not including, B")->type_name("A:B");
  declare_judging(*command, arguments);
  declare_question(*command, question);
  const char* group = "Results";
  command->add_option("-o,--result", question.result, "Write everything here")->type_name("FILE.json")->group(group);
  command->add_flag("--force", question.force, "Overwrite an existing file")->group(group);
  command->add_flag("--json", question.json, "Print one JSON document")->group(group);
  command->add_flag("--quiet", question.quiet, "Print nothing but warnings and errors")->group(group);
  declare_pictures(*command, question.pictures);
  declare_machine(*command, question);
  return command;
}

CLI::App* declare_merge(CLI::App& app, MergeArguments& arguments) {
  CLI::App* command = app.add_subcommand("merge", "What the shards of a run computed, as one result");
  command->footer(
      "Example:\n"
      "  mho merge result.h5                            shards that wrote to one folder\n"
      "  mho merge -o result.h5 a/result.h5.parts b/result.h5.parts   folders of several machines\n"
      "docs/scale.md explains runs on several machines.");
  command->add_option("RESULT", arguments.parts, "The -o of the shards; with -o here, folders of parts")
      ->required()
      ->type_name("");
  command->add_option("-o,--result", arguments.result, "Write the result here")->type_name("FILE.npz|.h5");
  command->add_flag("--force", arguments.force, "Overwrite an existing file");
  command->add_flag("--quiet", arguments.quiet, "Print nothing but warnings and errors");
  return command;
}

CLI::App* declare_ops(CLI::App& app, OpsArguments& arguments) {
  CLI::App* command = app.add_subcommand("ops", "The ONNX operators and the primitives that this program has");
  command->footer("Example:\n  mho ops --markdown > docs/operators.md");
  CLI::Option* json = command->add_flag("--json", arguments.json, "Print one JSON document");
  command->add_flag("--markdown", arguments.markdown, "Print docs/operators.md")->excludes(json);
  return command;
}

}  // namespace mho::cli
