// What `mho attribute` tells about a result, for people.
#include "report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "request.h"
#include "table.h"
#include "targets.h"
#include "text.h"

namespace mho::cli {

namespace {

constexpr std::size_t kExamplesShown = 40;
constexpr double kCancellationShown = 1000;

/// Those that were gathered, or those of the result.
Totals totals_of(const Report& report) {
  if (report.totals) return *report.totals;
  Totals totals;
  totals.add(report.result, report.request.split_by_input);
  return totals;
}

std::string header(const Report& report) {
  const Result& result = report.result;
  std::string text = fmt::format("model     {}\n", printable(report.model));
  text += fmt::format("target    {}[{}]", printable(result.target_tensor), printable(report.target));
  if (!result.target_note.empty()) text += fmt::format("  ({})", printable(result.target_note));
  const std::string path = quadrature_text(report.request);
  text += fmt::format("\nmethod    {}{}{}\n", to_string(report.request.method), path.empty() ? "" : ", ", path);
  text += fmt::format("baseline  {}\n", printable(report.baseline));
  text += fmt::format("batching  {}; {} at once\n", printable(result.batching), result.micro_batch);
  const double error = worst_precision_error(result);
  if (!std::isnan(error)) {
    text += fmt::format("precision bfloat16: the first example differs from float32 by {} (relative L1, worst layer)\n",
                        error_text(error));
  }
  return text;
}

std::string examples_table(const Report& report, std::int64_t all) {
  const Result& result = report.result;
  Table table({{"example", true},
               {"target", true},
               {"F(x)", true},
               {"F(x')", true},
               {"residual", true},
               {"est. error", true},
               {"evaluations", true},
               {""},
               {result.names.empty() ? "" : "name"}});
  const std::size_t shown = std::min(result.f_input.size(), kExamplesShown);
  for (std::size_t i = 0; i < shown; ++i) {
    table.add({std::to_string(report.first + static_cast<std::int64_t>(i)),
               target_text(result.target[i], report.labels), number_text(result.f_input[i]),
               number_text(result.f_baseline[i]), error_text(worst_residual(result, i)),
               error_text(worst_error(result, i)), std::to_string(result.evaluations[i]),
               result.converged[i] ? "" : "not converged", i < result.names.size() ? printable(result.names[i]) : ""});
  }
  std::string text = table.text();
  const std::int64_t hidden = all - static_cast<std::int64_t>(shown);
  if (hidden > 0) text += fmt::format("… and {} more\n", hidden);
  return text;
}

/// "example 3, 5, …"
std::string named(const Report& report, std::vector<std::int64_t> examples, std::int64_t count) {
  for (std::int64_t& example : examples) example += report.first;
  return fmt::format("example {}{}", fmt::join(examples, ", "),
                     static_cast<std::int64_t>(examples.size()) < count ? ", …" : "");
}

void add_ranked(Table& table, const char* kind, const std::vector<Ranked>& ranked, bool several) {
  for (const Ranked& one : ranked) {
    std::vector<std::string> cells = {kind, index_text(one.index), number_text(one.mean)};
    if (several) cells.push_back(number_text(one.magnitude));
    cells.push_back(fmt::format("{:.1f} %", 100 * one.share));
    table.add(std::move(cells));
  }
}

std::string layer_text(const LayerResult& layer, const Ranking& ranking, const Totals::Layer& totals, bool several,
                       const char* unit) {
  std::string text = fmt::format("{}  {}, {} {}s {}", printable(layer.name), printable(layer.op), ranking.neurons, unit,
                                 to_string(neuron_shape(layer)));
  if (layer.cut) text += ", cut";
  if (!std::isnan(totals.residual)) text += fmt::format(", residual {}", error_text(totals.residual));
  if (totals.cancellation >= kCancellationShown) {
    text += fmt::format(", cancellation {}", error_text(totals.cancellation));
  }
  if (!std::isnan(totals.error)) text += fmt::format(", est. error {}", error_text(totals.error));
  if (!std::isnan(layer.precision_error)) text += fmt::format(", bf16 error {}", error_text(layer.precision_error));
  text += "\n";

  std::vector<Column> columns = {{""}, {"", true}, {several ? "mean value" : "value", true}};
  if (several) columns.push_back({"mean |value|", true});
  columns.push_back({"share", true});
  Table table(std::move(columns), "  ");
  add_ranked(table, "channel", ranking.top_channels, several);
  add_ranked(table, unit, ranking.top_neurons, several);
  return table.empty() ? text : text + table.text();
}

}  // namespace

double worst_residual(const Result& result, std::size_t example) {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (const LayerResult& layer : result.layers) {
    if (example < layer.residual.size()) worst = larger(worst, std::abs(layer.residual[example]));
  }
  return worst;
}

double worst_error(const Result& result, std::size_t example) {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (const LayerResult& layer : result.layers) {
    if (example < layer.estimated_error.size()) worst = larger(worst, layer.estimated_error[example]);
  }
  return worst;
}

double worst_precision_error(const Result& result) {
  double worst = std::numeric_limits<double>::quiet_NaN();
  for (const LayerResult& layer : result.layers) worst = larger(worst, layer.precision_error);
  return worst;
}

std::string report_text(const Report& report) {
  const Totals totals = totals_of(report);
  std::string text = fmt::format("{}\n{}", header(report), examples_table(report, totals.examples));
  const bool several = totals.examples > 1;
  const bool by_channel =
      report.request.method == Method::kAblation && report.request.ablation.unit == AblationUnit::kChannel;
  for (std::size_t i = 0; i < report.rankings.size(); ++i) {
    text += fmt::format("\n{}", layer_text(report.result.layers[i], report.rankings[i], totals.layers[i], several,
                                           by_channel ? "channel" : "neuron"));
  }
  return text;
}

std::string convergence_warning(const Report& report) {
  const Totals totals = totals_of(report);
  if (totals.late_count == 0) return "";
  return fmt::format(
      "{} of {} examples did not reach tolerance {:g} with {} segments ({}): estimated error "
      "up to {}; raise --max-steps or --tolerance",
      totals.late_count, totals.examples, report.request.tolerance, report.request.max_steps,
      named(report, totals.late, totals.late_count), error_text(totals.late_error));
}

std::string cancellation_warning(const Report& report) {
  const Totals totals = totals_of(report);
  if (totals.cancelled_count == 0) return "";
  double worst = 0;
  for (const Totals::Layer& layer : totals.layers) worst = std::max(worst, layer.cancellation);
  return fmt::format(
      "in {} of {} examples ({}) F(x) - F(x') is up to {} times smaller than the numbers that it is the sum of: "
      "rounding "
      "may be all that is left of it{}",
      totals.cancelled_count, totals.examples, named(report, totals.cancelled, totals.cancelled_count),
      error_text(worst), in_double(report.result) ? "" : "; --precision double tells");
}

}  // namespace mho::cli
