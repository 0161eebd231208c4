// The program `mho`: reads the command line, runs one command, turns what goes wrong into a message and an exit status.
#include <fmt/format.h>
#include <mho/model.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <string_view>

#include "arguments.h"
#include "attribute.h"
#include "check.h"
#include "evaluate.h"
#include "exit_status.h"
#include "inspect.h"
#include "interrupt.h"
#include "merge.h"
#include "ops.h"
#include "report_page.h"
#include "text.h"

namespace {

using namespace mho::cli;

int fail(int status, std::string_view message) {
  std::fflush(stdout);
  std::fprintf(stderr, "mho: error: %s\n", printable(message).c_str());
  return status;
}

/// Without --shard: all shards of a run say the same.
std::string command_line(int argc, char** argv) {
  std::string text = "mho";
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--shard") ++i;
    if (word == "--shard" || word.starts_with("--shard=")) continue;
    text += " " + shell_quoted(word);
  }
  return text;
}

int run(int argc, char** argv) {
  CLI::App app("Which neurons of an ONNX model made this prediction, and how much did each contribute.", "mho");
  app.set_version_flag("--version", [] { return "mho " + mho::version(); });
  app.set_help_flag("-h,--help", "Print this help");
  app.footer("mho COMMAND --help tells the options of a command.\nExample:\n  mho inspect model.onnx");
  app.require_subcommand(0, 1);  // none: our own message, after that on words that are no command
  InspectArguments inspect;
  AttributeArguments attribute;
  AttributeArguments check;
  EvaluateArguments evaluate;
  MergeArguments merge;
  OpsArguments ops;
  PageArguments page;
  const CLI::App* inspect_command = declare_inspect(app, inspect);
  const CLI::App* attribute_command = declare_attribute(app, attribute);
  const CLI::App* check_command = declare_check(app, check);
  const CLI::App* evaluate_command = declare_evaluate(app, evaluate);
  const CLI::App* report_command = declare_report(app, page);
  const CLI::App* merge_command = declare_merge(app, merge);
  const CLI::App* ops_command = declare_ops(app, ops);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    return fail(kUsage, fmt::format("{} (mho --help, mho COMMAND --help)", error.what()));
  }
  if (app.get_subcommands().empty())
    return fail(kUsage, "no command: inspect, attribute, check, evaluate, report, merge or ops (mho --help)");
  if (inspect_command->parsed()) run_inspect(inspect);
  if (attribute_command->parsed()) {
    find_model(attribute);
    attribute.command = command_line(argc, argv);
    run_attribute(attribute);
  }
  if (check_command->parsed()) {
    find_model(check);
    run_check(check);
  }
  if (evaluate_command->parsed()) {
    find_model(evaluate.question);
    evaluate.question.command = command_line(argc, argv);
    run_evaluate(evaluate);
  }
  if (report_command->parsed()) run_report(page);
  if (merge_command->parsed()) run_merge(merge);
  if (ops_command->parsed()) run_ops(ops);
  return std::fflush(stdout) == 0 ? kSuccess : fail(kFailure, "the result could not be printed");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Interrupted& interrupted) {
    return fail(kInterrupted, "interrupted; " + interrupted.kept);
  } catch (const mho::Error& error) {
    return fail(exit_status(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(kFailure,
                "out of memory; try fewer examples (--examples), a smaller --memory, or a larger --max-memory "
                "where one is given");
  } catch (const std::exception& error) {
    return fail(kFailure, error.what());
  }
}
