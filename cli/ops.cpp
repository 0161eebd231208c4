// `mho ops`, and docs/operators.md, which is what it prints with --markdown.
#include "ops.h"

#include <fmt/format.h>

#include "json.h"
#include "table.h"

namespace mho::cli {

namespace {

Table operators_table(std::span<const OperatorRow> rows) {
  Table table({{"operator"}, {"opsets"}, {"gradient"}, {"DeepLIFT rule"}, {"suite", true}});
  for (const OperatorRow& row : rows) {
    table.add({row.name, fmt::format("{}+", row.since), row.gradient, row.rule.empty() ? "nothing moves" : row.rule,
               std::to_string(row.conformance)});
  }
  return table;
}

Table primitives_table(std::span<const PrimitiveRow> rows) {
  Table table({{"primitives"}, {"affine"}, {"DeepLIFT rule"}});
  for (const PrimitiveRow& row : rows) table.add({row.name, row.affine, row.rule});
  return table;
}

/// One line per primitive: long lists of names would make the table as wide.
std::string primitives_text(std::span<const PrimitiveRow> rows) {
  std::string text;
  for (const PrimitiveRow& row : rows)
    text += fmt::format("{}\n  affine: {}; rule: {}\n", row.name, row.affine, row.rule);
  return text;
}

}  // namespace

std::string operators_text(std::span<const OperatorRow> operators, std::span<const PrimitiveRow> primitives) {
  return fmt::format("{}\n{} operators\n\n{}", operators_table(operators).text(), operators.size(),
                     primitives_text(primitives));
}

std::string operators_markdown(std::span<const OperatorRow> operators, std::span<const PrimitiveRow> primitives) {
  return fmt::format(
      "# Operators\n\n"
      "Made by `mho ops --markdown > docs/operators.md`; do not edit.\n\n"
      "## ONNX operators\n"
      "{} operators are lowered to primitives, from the first opset at which the lowering is right to the newest "
      "known. A "
      "name\nwith a colon is of another domain. Every operator has cases of random shapes and attributes in "
      "tests/operators:\ngradients are those of finite differences (but for *straight through*, 1 by definition), "
      "DeepLIFT's sums are kept, and the\ndevices agree. *gradient* none: integers, booleans, steps, shapes. *DeepLIFT "
      "rule*: those of its primitives; none: where it\nmoves, DeepLIFT refuses the model; or none: it does so where "
      "positions that the operator reads move. *suite*: cases "
      "of the\nONNX backend test-suite with the operator that pass.\n\n"
      "{}\n"
      "## Primitives\n"
      "What has a derivative. *Affine*: in its inputs that depend on the model's input. *DeepLIFT rule*: how "
      "differences are\n"
      "passed back; `later` marks rules that are not written.\n\n"
      "{}",
      operators.size(), operators_table(operators).markdown(), primitives_table(primitives).markdown());
}

void run_ops(const OpsArguments& arguments) {
  const std::vector<OperatorRow> rows = operator_table();
  const std::vector<PrimitiveRow> parts = primitive_table();
  if (arguments.json) {
    fmt::print("{}", json_text(to_json(rows, parts)));
  } else {
    fmt::print("{}", arguments.markdown ? operators_markdown(rows, parts) : operators_text(rows, parts));
  }
}

}  // namespace mho::cli
