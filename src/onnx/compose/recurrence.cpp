// What RNN, GRU and LSTM share: directions, time steps, lengths, activation functions. They are unrolled.
#include "onnx/compose/recurrence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "onnx/compose/compose.h"
#include "onnx/compose/stack.h"

namespace mho::onnx::ops {

namespace {

/// Unrolled time steps times directions; each is some ten nodes.
constexpr std::int64_t kMostSteps = 20'000;

/// An activation of ONNX's recurrent operators: which of the attributes it takes, and their defaults.
struct Activation {
  Unary kind;
  std::optional<double> alpha = std::nullopt;
  std::optional<double> beta = std::nullopt;
};

const Activation* find_activation(std::string name) {
  static const std::map<std::string, Activation> table{
      {"relu", {Unary::relu}},
      {"tanh", {Unary::tanh}},
      {"sigmoid", {Unary::sigmoid}},
      {"affine", {Unary::affine, 1, 0}},
      {"leakyrelu", {Unary::leaky_relu, 0.01}},
      {"thresholdedrelu", {Unary::thresholded_relu, 1}},
      {"scaledtanh", {Unary::tanh, 1, 1}},  // alpha tanh(beta x)
      {"hardsigmoid", {Unary::hard_sigmoid, 0.2, 0.5}},
      {"elu", {Unary::elu, 1}},
      {"softsign", {Unary::softsign}},
      {"softplus", {Unary::softplus}},
  };
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto it = table.find(name);
  return it == table.end() ? nullptr : &it->second;
}

/// The functions of all directions. Alphas and betas are used up in order by the functions that take them.
std::vector<ScaledFunction> activations_of(const NodeContext& node, const CellKind& kind, std::size_t directions) {
  std::vector<std::string> names = node.attributes.strings("activations").value_or(std::vector<std::string>{});
  if (names.empty()) {
    for (std::size_t d = 0; d < directions; ++d) {
      names.insert(names.end(), kind.activations.begin(), kind.activations.end());
    }
  }
  if (names.size() != directions * kind.activations.size()) {
    node.invalid(
        fmt::format("it has {} activations instead of {}", names.size(), directions * kind.activations.size()));
  }
  const auto alphas = node.attributes.reals("activation_alpha").value_or(std::vector<double>{});
  const auto betas = node.attributes.reals("activation_beta").value_or(std::vector<double>{});
  std::size_t next_alpha = 0, next_beta = 0;
  std::vector<ScaledFunction> functions;
  for (const std::string& name : names) {
    const Activation* activation = find_activation(name);
    if (activation == nullptr) node.invalid(fmt::format("'{}' is no activation function", name));
    double alpha = 0, beta = 0;
    if (activation->alpha) alpha = next_alpha < alphas.size() ? alphas[next_alpha++] : *activation->alpha;
    if (activation->beta) beta = next_beta < betas.size() ? betas[next_beta++] : *activation->beta;
    if (activation->kind == Unary::tanh && activation->alpha) {
      functions.push_back({{Unary::tanh, 0, 0}, alpha, beta});
    } else {
      functions.push_back({{activation->kind, alpha, beta}, 1, 1});
    }
  }
  return functions;
}

void check(const NodeContext& node, std::size_t input, const Shape& expected) {
  if (node.has_input(input) && node.shape_of(input) != expected) {
    node.invalid(fmt::format("input {} has shape {} instead of {}", input, to_string(node.shape_of(input)),
                             to_string(expected)));
  }
}

/// Everything about the node that its directions have in common.
struct Layout {
  std::int64_t steps, batch, width, hidden, directions;
  bool batch_first;
  ValueId x;        ///< [steps, batch, width]
  ValueId lengths;  ///< [batch, 1] i64; kNoValue: all steps count
};

Layout layout_of(const NodeContext& node, const CellKind& kind) {
  Builder& build = node.build;
  Layout l{};
  l.batch_first = node.attributes.integer("layout", 0) != 0;
  if (node.shape_of(0).size() != 3 || node.shape_of(2).size() != 3) node.invalid("X and R must have three axes");
  l.x = l.batch_first ? transpose(build, node.input(0), {1, 0, 2}) : node.input(0);
  const Shape x = build.type(l.x).shape;
  l.steps = x[0], l.batch = x[1], l.width = x[2];
  l.directions = node.shape_of(2)[0];
  l.hidden = node.shape_of(2)[2];
  const std::string direction = node.attributes.string("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    node.invalid(fmt::format("'{}' is no direction", direction));
  }
  if (l.directions != (direction == "bidirectional" ? 2 : 1) || l.hidden < 1 ||
      node.attributes.integer("hidden_size", l.hidden) != l.hidden) {
    node.invalid(fmt::format("R has shape {}, which does not fit its attributes", to_string(node.shape_of(2))));
  }
  if (l.steps < 1 || l.batch < 1) node.unsupported("an empty sequence");
  if (l.steps * l.directions > kMostSteps) {
    node.unsupported(fmt::format("{} time steps: at most {} are unrolled", l.steps, kMostSteps / l.directions));
  }
  const std::int64_t gates = kind.gates * l.hidden;
  check(node, 1, {l.directions, gates, l.width});
  check(node, 2, {l.directions, gates, l.hidden});
  check(node, 3, {l.directions, 2 * gates});
  check(node, 4, {l.batch});
  const Shape state = l.batch_first ? Shape{l.batch, l.directions, l.hidden} : Shape{l.directions, l.batch, l.hidden};
  for (std::size_t s = 0; s < kind.states; ++s) check(node, 5 + s, state);
  if (kind.states == 2) check(node, 7, {l.directions, 3 * l.hidden});
  l.lengths = kNoValue;
  if (node.has_input(4)) {
    const auto constant = build.integers_of(node.input(4));
    const auto all = [&](std::int64_t n) { return n == l.steps; };
    if (!constant || !std::ranges::all_of(*constant, all)) {
      l.lengths = reshape(build, cast(build, node.input(4), DType::i64), {l.batch, 1});
    }
  }
  return l;
}

/// Row d of an input [directions, ...], without that axis.
ValueId of_direction(Builder& build, ValueId x, std::int64_t d) {
  return drop_axes(build, slice(build, x, 0, d, 1), {0});
}

std::vector<ValueId> initial_states(const NodeContext& node, const CellKind& kind, const Layout& l, std::int64_t d) {
  Builder& build = node.build;
  std::vector<ValueId> states;
  for (std::size_t s = 0; s < kind.states; ++s) {
    if (node.has_input(5 + s)) {
      const ValueId all = l.batch_first ? transpose(build, node.input(5 + s), {1, 0, 2}) : node.input(5 + s);
      states.push_back(of_direction(build, all, d));
    } else {
      states.push_back(broadcast(build, build.scalar(0), {l.batch, l.hidden}));
    }
  }
  return states;
}

/// The outputs of every step and the last states of direction `d`.
struct Direction {
  std::vector<ValueId> outputs;  ///< in the order of time
  std::vector<ValueId> states;
};

Direction run(const NodeContext& node, const CellKind& kind, const Layout& l, const Cell& cell, std::int64_t d,
              bool reverse, const Step& step) {
  Builder& build = node.build;
  // W x + b of all steps in one product.
  std::vector<ValueId> operands{reshape(build, l.x, {l.steps * l.batch, l.width}),
                                of_direction(build, node.input(1), d)};
  if (node.has_input(3)) {
    const ValueId both = of_direction(build, node.input(3), d);
    const std::int64_t gates = kind.gates * l.hidden;
    const ValueId input_bias = slice(build, both, 0, 0, gates);
    operands.push_back(kind.bias_with_input ? add(build, input_bias, slice(build, both, 0, gates, gates)) : input_bias);
  }
  const ValueId products = build.apply1(primitives::make_matmul({false, true}), operands);
  const ValueId by_step = reshape(build, products, {l.steps, l.batch, kind.gates * l.hidden});

  Direction result{std::vector<ValueId>(static_cast<std::size_t>(l.steps)), initial_states(node, kind, l, d)};
  for (std::int64_t k = 0; k < l.steps; ++k) {
    const std::int64_t t = reverse ? l.steps - 1 - k : k;
    std::vector<ValueId> next = step(cell, of_direction(build, by_step, t), result.states);
    ValueId output = next[0];
    if (l.lengths != kNoValue) {
      // Behind its end a sequence gives 0 and keeps its state.
      const ValueId runs = binary(build, Binary::less, build.integers({}, {t}), l.lengths);
      const auto choose = [&](ValueId yes, ValueId no) {
        return build.apply1(primitives::make_where(), {runs, yes, no});
      };
      output = choose(output, build.scalar(0));
      for (std::size_t s = 0; s < next.size(); ++s) next[s] = choose(next[s], result.states[s]);
    }
    result.outputs[static_cast<std::size_t>(t)] = output;
    result.states = std::move(next);
  }
  return result;
}

}  // namespace

ValueId activate(const NodeContext& node, const Cell& cell, std::size_t k, ValueId x) {
  Builder& build = node.build;
  if (cell.clip > 0) x = unary(build, Unary::clip, x, -cell.clip, cell.clip);
  const ScaledFunction& f = cell.activations[k];
  return affine(build, unary(build, f.function, affine(build, x, f.inner, 0)), f.outer, 0);
}

ValueId gate(const NodeContext& node, const Cell& cell, ValueId x, std::int64_t k) {
  return slice(node.build, x, static_cast<std::int64_t>(node.build.type(x).shape.size()) - 1, k * cell.hidden,
               cell.hidden);
}

std::vector<ValueId> unroll(const NodeContext& node, const CellKind& kind, const Step& step) {
  Builder& build = node.build;
  const Layout l = layout_of(node, kind);
  const std::vector<ScaledFunction> functions = activations_of(node, kind, static_cast<std::size_t>(l.directions));
  std::vector<std::vector<ValueId>> outputs(static_cast<std::size_t>(l.steps));  // [steps][directions]
  std::vector<std::vector<ValueId>> states(kind.states);                         // [states][directions]
  for (std::int64_t d = 0; d < l.directions; ++d) {
    Cell cell;
    cell.hidden = l.hidden;
    cell.clip = node.attributes.real("clip", 0);
    cell.recurrence = transpose(build, of_direction(build, node.input(2), d), {1, 0});
    const std::int64_t gates = kind.gates * l.hidden;
    if (node.has_input(3)) cell.recurrence_bias = slice(build, of_direction(build, node.input(3), d), 0, gates, gates);
    if (kind.states == 2 && node.has_input(7)) cell.peephole = of_direction(build, node.input(7), d);
    const auto first = functions.begin() + d * static_cast<std::ptrdiff_t>(kind.activations.size());
    cell.activations.assign(first, first + static_cast<std::ptrdiff_t>(kind.activations.size()));
    const bool reverse = d == 1 || node.attributes.string("direction", "forward") == "reverse";
    const Direction result = run(node, kind, l, cell, d, reverse, step);
    for (std::size_t t = 0; t < outputs.size(); ++t) outputs[t].push_back(result.outputs[t]);
    for (std::size_t s = 0; s < states.size(); ++s) states[s].push_back(result.states[s]);
  }
  std::vector<ValueId> steps;
  for (const std::vector<ValueId>& one : outputs) steps.push_back(stack(node, one, 0));
  ValueId y = stack(node, steps, 0);  // [steps, directions, batch, hidden]
  if (l.batch_first) y = transpose(build, y, {2, 0, 1, 3});
  std::vector<ValueId> results{y};
  for (const std::vector<ValueId>& one : states) results.push_back(stack(node, one, l.batch_first ? 1 : 0));
  return results;
}

}  // namespace mho::onnx::ops
