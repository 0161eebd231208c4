// Invariant: the program gives right results on examples/digits, or a message and an exit status that tell why not.
#include <gtest/gtest.h>
#include <mho/io.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "contains.h"
#include "process.h"
#include "temporary_folder.h"

namespace mho::cli {
namespace {

const std::string kCnn = "examples/digits/cnn.onnx";
const std::string kMlp = "examples/digits/mlp.onnx";
const std::string kDigits = "examples/digits/digits.npz";

std::vector<std::string> attribute(const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {"attribute", kCnn, "-i", kDigits, "--examples", "0:3"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  return arguments;
}

/// A run that must fail with `status`, print nothing on stdout and one line on stderr that has `parts`.
void expect_failure(const std::vector<std::string>& arguments, int status, const std::vector<std::string>& parts) {
  const Finished run = run_program(arguments);
  EXPECT_EQ(run.status, status) << run.errors;
  EXPECT_EQ(run.output, "");
  EXPECT_TRUE(run.errors.starts_with("mho: error: ")) << run.errors;
  EXPECT_EQ(std::count(run.errors.begin(), run.errors.end(), '\n'), 1) << run.errors;
  for (const std::string& part : parts) EXPECT_TRUE(contains(run.errors, part)) << run.errors;
}

TEST(Program, TellsItsVersionAndHelp) {
  const Finished version = run_program({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.output, "mho " + mho::version() + "\n");
  for (const std::string command : {"inspect", "attribute", "check", "evaluate", "report", "merge", "ops"}) {
    const Finished help = run_program({command, "--help"});
    EXPECT_EQ(help.status, 0);
    EXPECT_TRUE(contains(help.output, "Example:\n  mho " + command)) << help.output;
  }
}

TEST(Program, InspectListsLayersAndCutsOfTheDigitsModel) {
  const Finished run = run_program({"inspect", kCnn, "--json"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto document = nlohmann::json::parse(run.output);
  EXPECT_EQ(document["opset"], 17);
  EXPECT_EQ(document["parameters"], 47530);
  EXPECT_EQ(document["inputs"][0]["shape"], nlohmann::json({"N", 1, 8, 8}));
  EXPECT_EQ(document["target"], "logits");
  std::map<std::string, bool> cuts;
  for (const auto& layer : document["layers"]) cuts[layer["name"]] = layer["cut"];
  EXPECT_TRUE(cuts.at("relu1") && cuts.at("add") && cuts.at("relu4"));
  EXPECT_FALSE(cuts.at("conv3")) << "the skip connection goes around it";
}

TEST(Program, LimitsAreObeyedAndSayHowTheyAreRaised) {
  const auto with = [](std::vector<std::string> command, const std::string& option, const std::string& value) {
    command.insert(command.end(), {option, value});
    return command;
  };
  const std::vector<std::string> inspect = {"inspect", kCnn};
  const std::vector<std::string> check = {"check", kCnn, "-i", kDigits, "--examples", "0:1"};
  const std::vector<std::string> evaluate = {"evaluate", kCnn, "-i", kDigits, "--examples", "0:1", "-l", "relu4"};
  const std::map<std::string, std::string> exceeded = {{"--max-memory", "100K"},  {"--max-tensor", "100"},
                                                       {"--max-nodes", "3"},      {"--max-unrolled", "3"},
                                                       {"--max-primitives", "3"}, {"--max-work", "3"}};
  for (const auto& [option, value] : exceeded) {
    expect_failure(with(inspect, option, value), 1, {"limit of", option});
    for (const auto& command : {attribute({}), check, evaluate}) {
      if (option == "--max-memory" || option == "--max-nodes")
        expect_failure(with(command, option, value), 1, {option});
    }
  }
  expect_failure(with(inspect, "--max-nesting", "257"), 2, {"--max-nesting", "256"});
  expect_failure(with(inspect, "--max-memory", "much"), 2, {"--max-memory", "much"});
  EXPECT_EQ(run_program(with(with(inspect, "--max-memory", "1G"), "--max-nodes", "100")).status, 0);
}

// What no count of ours sees is bounded by the system, and is a message too: here an input of half a gigabyte.
TEST(Program, MaxMemoryBoundsTheProcess) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers reserve terabytes of address space";
#endif
  TemporaryFolder folder;
  const std::string path = folder / "many.npy";
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2000000, 1, 8, 8), }";
  header.resize(117, ' ');
  std::ofstream(path, std::ios::binary) << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header << '\n';
  std::filesystem::resize_file(path, 128 + 2'000'000 * 64 * 4);
  expect_failure({"inspect", kCnn, "-i", path, "--max-memory", "40M"}, 1, {"out of memory", "--max-memory"});
}

TEST(Program, InspectSaysWhereTheLogitIsTaken) {
  const auto logits = nlohmann::json::parse(run_program({"inspect", kMlp, "--json"}).output);
  EXPECT_EQ(logits["target"], "logits");
  EXPECT_NE(logits["target_note"], "");
  const auto probability = nlohmann::json::parse(run_program({"inspect", kMlp, "--json", "--probability"}).output);
  EXPECT_EQ(probability["target"], "probabilities");
  EXPECT_TRUE(contains(run_program({"inspect", kMlp}).output, "target    logits  ("));
}

TEST(Program, AttributesEveryCutOfTheDigitsModelCompletely) {
  const TemporaryFolder folder;
  const std::string file = folder / "r.npz";
  const Finished run = run_program(attribute({"-o", file, "--tolerance", "1e-3"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.errors, "");
  const auto arrays = io::read_npz(file);
  const Array& above = arrays.at("mho/f_input");
  const Array& below = arrays.at("mho/f_baseline");
  for (const char* name : {"relu1", "pool", "add", "relu4"}) {
    ASSERT_TRUE(arrays.contains(name)) << name;
    const Array& values = arrays.at(name);
    ASSERT_EQ(values.shape().at(0), 3);
    const std::int64_t neurons = values.size() / 3;
    for (std::int64_t example = 0; example < 3; ++example) {
      double sum = 0;
      double size = 0;
      for (std::int64_t i = 0; i < neurons; ++i) {
        sum += values.at(example * neurons + i);
        size += std::abs(values.at(example * neurons + i));
      }
      EXPECT_NEAR(sum, above.at(example) - below.at(example), 1e-3 * size) << name << ", example " << example;
    }
  }
  EXPECT_FALSE(arrays.contains("conv3"));
  const auto metadata = nlohmann::json::parse(io::read_npz_texts(file).at("mho/metadata"));
  EXPECT_TRUE(contains(metadata["run"]["command"], "--tolerance 1e-3"));
}

TEST(Program, PrintsTargetsAndRankedNeuronsAndNoProgressWhenPiped) {
  const Finished run = run_program(attribute({"-l", "relu*", "--top", "2"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(run.errors, "");
  EXPECT_TRUE(contains(run.output, "method    nig, adaptive to tolerance 0.01")) << run.output;
  for (const char* layer :
       {"\nrelu1  Relu, 1024 neurons [16, 8, 8]", "\nrelu4  Relu, 64 neurons [64]", "  channel", "  neuron"}) {
    EXPECT_TRUE(contains(run.output, layer)) << layer << "\n" << run.output;
  }
  EXPECT_FALSE(contains(run.output, "\nadd"));
}

TEST(Program, JsonIsOneDocumentAndAgreesWithTheFile) {
  const TemporaryFolder folder;
  const Finished run = run_program(attribute({"--json", "-l", "relu4", "-o", folder / "r.npz"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto document = nlohmann::json::parse(run.output);
  const auto arrays = io::read_npz(folder / "r.npz");
  ASSERT_EQ(document["examples"].size(), 3U);
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(document["examples"][static_cast<std::size_t>(i)]["f_input"], arrays.at("mho/f_input").at(i));
  }
  const auto& top = document["layers"][0]["top_neurons"][0];
  double mean = 0;
  for (std::int64_t i = 0; i < 3; ++i) mean += arrays.at("relu4").at(i * 64 + top["index"][0].get<std::int64_t>()) / 3;
  EXPECT_NEAR(top["mean"], mean, 1e-9);
}

TEST(Program, QuietPrintsNothing) {
  const Finished run = run_program(attribute({"--quiet", "-l", "relu4"}));
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.output + run.errors, "");
}

TEST(Program, OptionsMayStandBeforeTheModel) {
  const Finished run = run_program({"attribute", "-i", kDigits, kCnn, "--examples", "0:1", "-l", "relu4", "--quiet"});
  EXPECT_EQ(run.status, 0) << run.errors;
}

TEST(Program, TargetsFromAFileFollowTheExamples) {
  const Finished run = run_program({"attribute", kCnn, "-i", kDigits, "--examples", "4:6", "-t",
                                    "@" + kDigits + ":labels", "-l", "relu4", "--json"});
  ASSERT_EQ(run.status, 0) << run.errors;
  const auto document = nlohmann::json::parse(run.output);
  const Array labels = io::read_npz(MHO_SOURCE_DIR "/" + kDigits).at("labels");
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(document["examples"][i]["example"], i + 4);
    EXPECT_EQ(document["examples"][i]["target"].get<double>(), labels.at(static_cast<std::int64_t>(i) + 4));
  }
}

TEST(Program, TargetsByLabelAndDifference) {
  const TemporaryFolder folder;
  const std::string labels =
      write_text(folder / "l.txt", "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
  const auto value = [&](const std::string& target) {
    const Finished run = run_program(attribute({"-t", target, "--labels", labels, "-l", "relu4", "--json"}));
    EXPECT_EQ(run.status, 0) << run.errors;
    return nlohmann::json::parse(run.output)["examples"][0]["f_input"].get<double>();
  };
  EXPECT_DOUBLE_EQ(value("seven"), value("7"));
  EXPECT_DOUBLE_EQ(value("-1"), value("nine"));
  EXPECT_NEAR(value("seven:3"), value("7") - value("three"), 1e-5);
}

TEST(Program, EveryMethodRuns) {
  for (const std::string method :
       {"nig", "conductance", "activation", "gradient", "gradient_x_activation", "internal_influence"}) {
    const Finished run = run_program(attribute({"-m", method, "-l", "relu4", "--quiet"}));
    EXPECT_EQ(run.status, 0) << method << ": " << run.errors;
  }
  EXPECT_EQ(run_program(attribute({"-m", "ig", "--quiet"})).status, 0);
  EXPECT_EQ(run_program(attribute({"-m", "conductance", "-l", "relu4", "--split-by-input", "--quiet"})).status, 0);
  EXPECT_EQ(run_program(attribute({"-m", "nig", "-l", "relu4", "--precision", "double", "--quiet"})).status, 0);
  EXPECT_EQ(run_program(attribute({"--steps", "7", "--quadrature", "gauss_legendre", "-b", "mean", "--quiet"})).status,
            0);
}

TEST(Program, Bfloat16IsMeasuredOrItsAbsenceTold) {
  const TemporaryFolder folder;
  const Finished run = run_program(attribute({"--precision", "bf16", "--json", "-o", folder / "r.npz"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  const bool told = contains(run.errors, "this CPU has no instructions for bfloat16 matrices");
  EXPECT_EQ(told, !has_bfloat16()) << run.errors;
  const auto document = nlohmann::json::parse(run.output);
  const auto metadata = nlohmann::json::parse(io::read_npz_texts(folder / "r.npz").at("mho/metadata"));
  EXPECT_EQ(metadata["run"]["precision"], "bfloat16");
  for (std::size_t l = 0; l < document["layers"].size(); ++l) {
    const double error = document["layers"][l]["precision_error"].get<double>();
    EXPECT_GE(error, 0);
    EXPECT_LT(error, 0.05);
    EXPECT_EQ(metadata["layers"][l]["precision_error"].get<double>(), error);
  }
}

TEST(Program, WarnsWhereTheToleranceIsNotReached) {
  const Finished run = run_program(attribute({"-l", "relu1", "--tolerance", "1e-7", "--max-steps", "8", "--quiet"}));
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(contains(run.errors, "mho: warning: 3 of 3 examples did not reach tolerance 1e-07")) << run.errors;
}

TEST(Program, ChecksNameTheOperatorsWhereSumsAreLost) {
  const std::vector<std::string> command = {"check", kCnn, "-i", kDigits, "--examples", "0:2"};
  const Finished exact = run_program(command);
  ASSERT_EQ(exact.status, 0) << exact.errors;
  EXPECT_TRUE(contains(exact.output, "No operator loses or makes contributions")) << exact.output;
  std::vector<std::string> gradient = command;
  gradient.insert(gradient.end(), {"--rule", "MaxPool=gradient", "--json"});
  const Finished lossy = run_program(gradient);
  ASSERT_EQ(lossy.status, 0) << lossy.errors;
  const auto document = nlohmann::json::parse(lossy.output);
  ASSERT_EQ(document["deeplift_nodes"].size(), 1U) << lossy.output;
  EXPECT_EQ(document["deeplift_nodes"][0]["operator"], "MaxPool");
  EXPECT_LT(document["cuts"][0]["deeplift_rounding"], 1e-4);
  gradient.insert(gradient.end(), {"--rule", "Pool=rescale"});
  expect_failure(gradient, 2, {"'Pool'", "MaxPool"});
  gradient.back() = "fastest";
  expect_failure(gradient, 2, {"fastest", "reveal_cancel"});
}

TEST(Program, DeepLiftTakesRulesReferencesAndShuffles) {
  const std::string dna = "tests/golden/data/deeplift_genomics.onnx";
  const std::string x = "tests/golden/data/deeplift_genomics.npz:input/x";
  const auto run = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"attribute", dna, "-i", x, "-m", "deeplift", "-l", "x", "--json"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return run_program(arguments);
  };
  for (const std::vector<std::string>& options :
       std::vector<std::vector<std::string>>{{"--rule", "genomics"},
                                             {"--rule", "reveal_cancel", "--rule", "t1=gradient"},
                                             {"--shuffles", "3", "--seed", "7"},
                                             {"--references", x, "--multipliers"}}) {
    const Finished finished = run(options);
    EXPECT_EQ(finished.status, 0) << finished.errors;
    EXPECT_TRUE(nlohmann::json::parse(finished.output).contains("layers"));
  }
  EXPECT_EQ(run_program({"attribute", dna, "-i", x, "-l", "x", "--shuffles", "3", "--quiet"}).status, 0);
  std::vector<std::string> wrong = {"attribute", dna, "-i", x, "--shuffles", "3", "-m", "gradient"};
  expect_failure(wrong, 2, {"--shuffles needs -m deeplift"});
  wrong.back() = "deeplift";
  wrong.insert(wrong.end(), {"-b", "0"});
  expect_failure(wrong, 2, {"takes the place of -b"});
  expect_failure({"attribute", kCnn, "-i", kDigits, "-m", "deeplift", "--shuffles", "3"}, 2, {"one-hot"});
  expect_failure({"attribute", kCnn, "-i", kDigits, "-m", "nig", "--rule", "rescale"}, 2, {"--rule needs -m deeplift"});
  expect_failure({"attribute", kCnn, "-i", kDigits, "-m", "deeplift", "--rule", "=rescale"}, 2, {"before the '='"});
}

TEST(Program, DrawsAPicture) {
  const TemporaryFolder folder;
  const Finished run = run_program(attribute({"--picture", folder / "p.png", "--quiet"}));
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(io::read_image(folder / "p.png", {}).shape().at(1), 3);
}

TEST(Program, UsageErrorsEndWithStatusTwoAndOneLine) {
  expect_failure({}, 2, {"--help"});
  expect_failure({"attribut"}, 2, {"attribut"});
  expect_failure({"attribute", "-i", kDigits}, 2, {"MODEL"});
  expect_failure({"attribute", kCnn}, 2, {"--input"});
  expect_failure(attribute({"--no-such-option"}), 2, {"--no-such-option"});
  expect_failure(attribute({"--steps", "many"}), 2, {"--steps"});
  expect_failure(attribute({"--precision", "half"}), 2, {"--precision"});
  expect_failure(attribute({"-m", "shapley"}), 2, {"shapley", "nig"});
  expect_failure({"attribute", kCnn, "-i", kDigits, "--examples", "30:40"}, 2, {"--examples", "36"});
  expect_failure(attribute({"--memory", "much"}), 2, {"--memory"});
  expect_failure({"ops", "--json", "--markdown"}, 2, {});
}

TEST(Program, WrongNamesAreUsageErrorsWithTheWayOut) {
  expect_failure(attribute({"-l", "relo1"}), 2, {"relo1", "relu1"});
  expect_failure(attribute({"-t", "10"}), 2, {"10"});
  expect_failure(attribute({"-t", "cat"}), 2, {"--labels"});
  expect_failure(attribute({"--output", "nothing"}), 2, {"nothing", "logits"});
  expect_failure({"attribute", kCnn, "-i", "picture=" + kDigits}, 2, {"picture", "image"});
  expect_failure({"inspect", kCnn, "--shape", "picture=1x1x8x8"}, 2, {"picture"});
}

TEST(Program, WrongFilesAreFailuresThatNameTheFile) {
  const TemporaryFolder folder;
  expect_failure({"inspect", "nowhere.onnx"}, 1, {"nowhere.onnx"});
  expect_failure({"inspect", write_text(folder / "bad.onnx", "no model at all")}, 1, {"bad.onnx"});
  expect_failure({"inspect", folder / "."}, 1, {});
  expect_failure({"attribute", kCnn, "-i", "nowhere.npy"}, 1, {"nowhere.npy"});
  expect_failure({"attribute", kCnn, "-i", write_text(folder / "bad.npz", "PK")}, 1, {"bad.npz"});
  expect_failure(attribute({"--labels", "nowhere.txt"}), 1, {"nowhere.txt"});
}

TEST(Program, ExistingResultsAreKeptUnlessForced) {
  const TemporaryFolder folder;
  const std::string file = write_text(folder / "r.npz", "precious");
  expect_failure(attribute({"-o", file}), 2, {"r.npz", "--force"});
  EXPECT_EQ(read_text(file), "precious");
  expect_failure(attribute({"-o", folder / "none/r.npz"}), 2, {"none"});
  EXPECT_EQ(run_program(attribute({"-o", file, "--force", "--quiet", "-l", "relu4"})).status, 0);
  EXPECT_TRUE(io::read_npz(file).contains("relu4"));
}

TEST(Program, InterruptsEndARunWithStatus130AndLeaveNoFile) {
  const TemporaryFolder folder;
  const TemporaryFolder results;
  Process process({"attribute", kCnn, "-i", kDigits, "-m", "conductance", "-l", "relu1", "--steps", "1000000",
                   "--precision", "double", "-o", results / "r.npz"},
                  folder / ".");
  ASSERT_TRUE(process.handles_interrupts());
  process.interrupt();
  const Finished run = process.wait(60);
  EXPECT_EQ(run.status, 130) << run.errors;
  EXPECT_TRUE(contains(run.errors, "interrupted")) << run.errors;
  EXPECT_TRUE(results.empty());
}

TEST(Program, OperatorsPageIsWhatTheProgramPrints) {
  const Finished run = run_program({"ops", "--markdown"});
  ASSERT_EQ(run.status, 0) << run.errors;
  EXPECT_EQ(read_text(MHO_SOURCE_DIR "/docs/operators.md"), run.output)
      << "renew it: mho ops --markdown > docs/operators.md";
  EXPECT_TRUE(contains(run.output, "| Conv | 1+ | yes |"));
}

}  // namespace
}  // namespace mho::cli
