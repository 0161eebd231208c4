// `mho check`.
#include "check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "interrupt.h"
#include "json.h"
#include "prepare.h"
#include "progress_bar.h"
#include "request.h"
#include "table.h"
#include "targets.h"
#include "text.h"

namespace mho::cli {

namespace {

constexpr std::size_t kNodesShown = 20;

std::string cuts_table(const Check& check) {
  Table table({{"cut"},
               {"operator"},
               {"nig", true},
               {"its estimate", true},
               {"deeplift", true},
               {"in double", true},
               {"rounding", true}});
  for (const CutCheck& cut : check.cuts) {
    table.add({printable(cut.name), printable(cut.op), error_text(cut.nig), error_text(cut.nig_estimate),
               error_text(cut.deeplift), error_text(cut.deeplift_double), error_text(cut.deeplift_rounding)});
  }
  return table.text();
}

std::string nodes_text(const Check& check) {
  if (check.nodes.empty()) {
    return fmt::format("No operator loses or makes contributions under these rules (above {:g}, in double).\n",
                       check.threshold);
  }
  Table table({{"node"}, {"operator"}, {"residual", true}});
  const std::size_t shown = std::min(check.nodes.size(), kNodesShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const NodeCheck& node = check.nodes[i];
    table.add({printable(node.node), printable(node.op), error_text(node.residual)});
  }
  std::string text = "DeepLIFT's sums are not exact at these operators:\n" + table.text();
  if (shown < check.nodes.size()) text += fmt::format("… and {} more\n", check.nodes.size() - shown);
  return text;
}

std::string spans_text(const Check& check) {
  Table table({{"from"}, {"to"}, {"change", true}, {"operators"}});
  for (const SpanCheck& span : check.spans) {
    table.add({printable(span.from), printable(span.to), error_text(span.change),
               printable(fmt::format("{}", fmt::join(span.ops, ", ")))});
  }
  return table.empty() ? "" : "NIG's residual changes most between these cuts:\n" + table.text();
}

}  // namespace

std::string check_text(const Check& check, const std::string& model) {
  std::string text = fmt::format("model     {}\ntarget    {}\n", printable(model), printable(check.target_tensor));
  text += fmt::format("rounding  F(x) differs from double precision by {}\n\n", error_text(check.target_rounding));
  text += cuts_table(check) + "\n" + nodes_text(check) + "\n" + spans_text(check);
  if (!check.non_finite.empty()) {
    text += fmt::format("\nNot every value is finite, but what comes out is: {}.\n", printable(check.non_finite));
  }
  const auto coarse = std::ranges::count(check.converged, false);
  if (coarse > 0) {
    text += fmt::format("\nNIG did not converge for {} of {} examples: raise --max-steps or --tolerance.\n", coarse,
                        check.converged.size());
  }
  return text +
         "\nResiduals are |sum of attributions - (F(x) - F(x'))|, relative to the sum of their magnitudes or to F, "
         "the\n"
         "worst of all examples. rounding: DeepLIFT in single against double precision, relative L1.\n";
}

void run_check(const AttributeArguments& arguments) {
  AttributeArguments measure = arguments;
  measure.rules.clear();  // they belong to deeplift, the path to nig: both are checked
  Request request = make_request(measure);
  for (const std::string& text : arguments.rules) request.rules.push_back(parse_rule_choice(text));
  const std::vector<std::string> labels =
      arguments.labels.empty() ? std::vector<std::string>{} : read_labels(arguments.labels);
  const InterruptGuard guard;
  const Model model = load(arguments);
  const Prepared prepared = prepare(arguments, model.inputs(), labels, request);
  request.progress = [](const Progress&) { return !InterruptGuard::requested(); };
  try {
    const Check result = check(model, prepared.inputs, request);
    fmt::print("{}",
               arguments.json ? json_text(to_json(result, arguments.model)) : check_text(result, arguments.model));
  } catch (const Error&) {
    if (InterruptGuard::requested()) throw Interrupted{};
    throw;
  }
}

}  // namespace mho::cli
