// What `mho evaluate` prints.
#include <fmt/format.h>

#include <cmath>

#include "evaluate.h"
#include "table.h"
#include "text.h"

namespace mho::cli {

namespace {

std::string short_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.3f}", value); }

std::string with_interval(const Score& score) {
  if (std::isnan(score.low)) return short_text(score.value);
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", score.value, score.low, score.high);
}

/// Shared units of largest value: with single-unit ablation where there is that row, else with the first method.
std::size_t compared_with(const LayerEvaluation& layer) {
  for (std::size_t m = 0; m < layer.methods.size(); ++m) {
    if (layer.methods[m].name == "ablation") return m;
  }
  return 0;
}

std::string layer_text(const LayerEvaluation& layer, const EvaluationRequest& request) {
  const std::size_t other = compared_with(layer);
  const char* unit = request.request.ablation.unit == AblationUnit::kChannel ? "channels" : "neurons";
  std::string text = fmt::format("{}  {}, {} {}{}", printable(layer.name), printable(layer.op), layer.units, unit,
                                 layer.cut ? ", cut" : "");
  if (layer.single_units < layer.units) text += fmt::format(", {} of them removed one by one", layer.single_units);
  Table table({{"method"},
               {"deletion"},
               {"insertion"},
               {"spearman"},
               {"kendall", true},
               {fmt::format("top {}", request.top), true},
               {"residual", true},
               {"infidelity", true},
               {"scaled", true},
               {"noise", true}},
              "  ");
  for (std::size_t m = 0; m < layer.methods.size(); ++m) {
    const MethodEvaluation& method = layer.methods[m];
    table.add({method.is_reference ? "(" + method.name + ")" : printable(method.name),
               with_interval(method.score(Metric::kDeletionArea)), with_interval(method.score(Metric::kInsertionArea)),
               with_interval(method.score(Metric::kSpearman)), short_text(method.score(Metric::kKendall).value),
               short_text(layer.overlap[m][other]), error_text(method.score(Metric::kCompleteness).value),
               error_text(method.score(Metric::kInfidelity).value),
               short_text(method.score(Metric::kInfidelityScaled).value),
               short_text(method.score(Metric::kMaxSensitivity).value)});
  }
  return text + "\n" + table.text();
}

}  // namespace

std::string evaluation_text(const EvaluationReport& report) {
  const Evaluation& evaluation = report.evaluation;
  const EvaluationRequest& request = report.request;
  std::string text = fmt::format("model     {}\n", printable(report.model));
  text += fmt::format("target    {}[{}]", printable(evaluation.target_tensor), printable(report.target));
  if (!evaluation.target_note.empty()) text += fmt::format("  ({})", printable(evaluation.target_note));
  text += fmt::format("\nbaseline  {}\nremoved   units become {}\n", printable(report.baseline),
                      to_string(request.request.ablation.replacement));
  text += fmt::format("examples  {}, their {}", evaluation.f_input.size(),
                      request.statistic == Statistic::kMean ? "mean" : "median");
  if (request.resamples > 0) {
    text += fmt::format(" [{:g} % bootstrap interval, {} resamples]", 100 * request.confidence, request.resamples);
  }
  text += fmt::format("; seed {}\n\n", request.seed);
  for (const LayerEvaluation& layer : evaluation.layers) text += layer_text(layer, request) + "\n";
  Table costs({{"method"}, {"ms per example", true}, {"evaluations", true}});
  for (const MethodCost& cost : evaluation.costs) {
    costs.add({printable(cost.name), fmt::format("{:.3g}", 1000 * cost.seconds), number_text(cost.evaluations)});
  }
  return text + costs.text() +
         "\nGood are a small deletion area, a large insertion area, rank correlations with the ablation of single "
         "units near "
         "1,\nand small residuals, infidelity and change by noise. In parentheses: no methods, but what to judge them "
         "by.\n";
}

}  // namespace mho::cli
