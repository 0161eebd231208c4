// Which rule Quadrature::kAdaptive stands for, and whether its sums may be extrapolated.
#include "attribution/choose_rule.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "primitives/primitives.h"

namespace mho::attribution {

namespace {

using kernels::Binary;
using kernels::Unary;

/// Whether `holds` is true of all nodes between what moves and the target that are not affine in it.
bool all_bent_nodes(const Setup& setup,
                    const std::function<bool(const primitives::Primitive&, primitives::Positions)>& holds) {
  const graph::Graph& graph = *setup.graph;
  const std::vector<bool> moves = graph::dependents(graph, setup.sources.all());
  const std::vector<bool> wanted = graph::ancestors(graph, setup.target.value);
  return std::ranges::all_of(graph.nodes(), [&](const graph::Node& node) {
    const primitives::Positions active = graph::inputs_in(node, moves);
    const auto is_wanted = [&](graph::ValueId id) { return wanted[static_cast<std::size_t>(id)]; };
    return active.empty() || node.primitive->affine(active) || std::ranges::none_of(node.outputs, is_wanted) ||
           holds(*node.primitive, active);
  });
}

bool is_smooth(const primitives::Primitive& primitive) {
  static constexpr std::array kUnary{Unary::sqrt,    Unary::reciprocal, Unary::exp,      Unary::log,      Unary::sin,
                                     Unary::cos,     Unary::tan,        Unary::atan,     Unary::sinh,     Unary::cosh,
                                     Unary::sigmoid, Unary::tanh,       Unary::softplus, Unary::erf,      Unary::pow,
                                     Unary::affine,  Unary::neg,        Unary::gelu_erf, Unary::gelu_tanh};
  static constexpr std::array kBinary{Binary::add, Binary::sub, Binary::mul, Binary::div, Binary::pow};
  static constexpr std::array<std::string_view, 6> kNames{"attention",     "convolution", "matmul",
                                                          "normalization", "softmax",     "log_softmax"};
  if (const auto unary = primitives::as_unary(primitive)) {
    return std::ranges::find(kUnary, unary->kind) != kUnary.end();
  }
  if (const auto binary = primitives::as_binary(primitive)) {
    return std::ranges::find(kBinary, *binary) != kBinary.end();
  }
  return std::ranges::find(kNames, primitive.name()) != kNames.end();
}

}  // namespace

Quadrature choose_rule(const Setup& setup) {
  // One gradient is exact.
  const auto exact = [](const LayerChoice& layer) { return layer.affine_to_target; };
  if (std::ranges::all_of(setup.layers, exact)) return Quadrature::kTrapezoid;
  bool kinks = false;
  const bool rules = all_bent_nodes(setup, [&](const primitives::Primitive& primitive, primitives::Positions active) {
    kinks = kinks || primitive.piecewise_affine(active);
    return primitive.delta_rule(active) != primitives::DeltaRule::none;
  });
  return rules && kinks ? Quadrature::kSecant : Quadrature::kTrapezoid;
}

bool is_smooth(const Setup& setup) {
  return all_bent_nodes(
      setup, [](const primitives::Primitive& primitive, primitives::Positions) { return is_smooth(primitive); });
}

}  // namespace mho::attribution
