// x (1 + erf(x / sqrt 2)) / 2, and the same with tanh, however its factors are grouped: one gelu.
#include <array>
#include <cmath>

#include "graph/passes/passes.h"
#include "graph/passes/pattern.h"

namespace mho::graph {

namespace {

using kernels::Binary;
using kernels::Unary;

/// Coefficients of 1, x, x^2, x^3.
using Polynomial = std::array<double, 4>;

/// a(x) + b(x) h, where h is one value that is no polynomial.
struct Expression {
  Polynomial a{};
  Polynomial b{};
};

/// Nodes between the factors and the result.
constexpr int kDeepest = 6;
/// x / 2
constexpr Polynomial kHalf{0, 0.5, 0, 0};
/// Models write their constants in float32, some with six digits.
constexpr double kTolerance = 2e-6;

std::optional<Polynomial> product(const Polynomial& a, const Polynomial& b) {
  Polynomial result{};
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      const double term = a[i] * b[j];
      if (term == 0) continue;
      if (i + j >= result.size()) return std::nullopt;
      result[i + j] += term;
    }
  }
  return result;
}

std::optional<Expression> product(const Expression& left, const Expression& right) {
  const bool of_h = right.b != Polynomial{};
  if (of_h && left.b != Polynomial{}) return std::nullopt;
  const Expression& whole = of_h ? right : left;
  const Polynomial& factor = of_h ? left.a : right.a;
  const auto a = product(whole.a, factor), b = product(whole.b, factor);
  if (!a || !b) return std::nullopt;
  return Expression{*a, *b};
}

Expression sum(const Expression& left, double scale, const Expression& right) {
  Expression result = left;
  for (std::size_t i = 0; i < result.a.size(); ++i) {
    result.a[i] += scale * right.a[i];
    result.b[i] += scale * right.b[i];
  }
  return result;
}

bool is_close(const Polynomial& p, const Polynomial& expected) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (std::abs(p[i] - expected[i]) > kTolerance * std::abs(expected[i])) return false;
  }
  return true;
}

class GeluFinder {
 public:
  explicit GeluFinder(Pattern& pattern) : pattern_(pattern) {}

  /// The function, with the constants of the model, and what it is of.
  struct Match {
    kernels::UnaryFunction gelu;
    ValueId x;
  };
  [[nodiscard]] std::optional<Match> match(const Node& root) const {
    const auto h = find_function(root, kDeepest);
    if (!h) return std::nullopt;
    std::vector<ValueId> candidates;
    collect(h->argument, kDeepest, candidates);
    for (const ValueId x : candidates) {
      const auto y = expression(root, x, h->value, kDeepest);
      if (!y || y->a != kHalf || y->b != kHalf) continue;
      const auto argument = expression(h->argument, x, h->value, kDeepest);
      if (!argument || argument->b != Polynomial{}) continue;
      const kernels::UnaryFunction known = h->kind == Unary::erf ? kernels::kGelu : kernels::kGeluTanh;
      if (!is_close(argument->a, {0, known.alpha, 0, known.beta})) continue;
      return Match{{known.kind, argument->a[1], argument->a[3]}, x};
    }
    return std::nullopt;
  }

 private:
  struct Function {
    Unary kind;
    ValueId value;
    ValueId argument;
  };

  /// The erf or tanh that a product is made of.
  [[nodiscard]] std::optional<Function> find_function(const Node& node, int depth) const {
    if (depth == 0 || node.outputs.size() != 1) return std::nullopt;
    const auto f = primitives::as_unary(*node.primitive);
    if (f && (f->kind == Unary::erf || f->kind == Unary::tanh)) {
      return Function{f->kind, node.outputs[0], node.inputs[0]};
    }
    const auto g = primitives::as_binary(*node.primitive);
    if (!pattern_.affine_step(node) && g != Binary::mul && g != Binary::add) return std::nullopt;
    for (const ValueId id : node.inputs) {
      const Node* maker = pattern_.maker(id);
      if (maker == nullptr) continue;
      if (auto found = find_function(*maker, depth - 1)) return found;
    }
    return std::nullopt;
  }

  /// Everything that a polynomial may be one in.
  void collect(ValueId id, int depth, std::vector<ValueId>& candidates) const {
    candidates.push_back(id);
    const Node* node = pattern_.maker(id);
    if (node == nullptr || depth == 0) return;
    const bool elementwise = primitives::as_unary(*node->primitive) || primitives::as_binary(*node->primitive);
    if (!elementwise) return;
    for (const ValueId input : node->inputs) {
      if (!pattern_.scalar(input)) collect(input, depth - 1, candidates);
    }
  }

  [[nodiscard]] std::optional<Expression> expression(ValueId id, ValueId x, ValueId h, int depth) const {
    if (id == x) return Expression{{0, 1, 0, 0}, {}};
    if (id == h) return Expression{{}, {1, 0, 0, 0}};
    if (const auto number = pattern_.scalar(id)) return Expression{{*number, 0, 0, 0}, {}};
    const Node* node = pattern_.maker(id);
    if (node == nullptr || depth == 0) return std::nullopt;
    return expression(*node, x, h, depth - 1);
  }

  [[nodiscard]] std::optional<Expression> expression(const Node& node, ValueId x, ValueId h, int depth) const {
    if (const auto step = pattern_.affine_step(node)) {
      const auto inner = expression(step->x, x, h, depth);
      if (!inner) return std::nullopt;
      return sum({{step->shift, 0, 0, 0}, {}}, step->scale, *inner);
    }
    if (const auto f = primitives::as_unary(*node.primitive)) {
      if (f->kind != Unary::pow || (f->alpha != 2 && f->alpha != 3)) return std::nullopt;
      const auto base = expression(node.inputs[0], x, h, depth);
      const auto square = base ? product(*base, *base) : std::nullopt;
      return f->alpha == 2 || !square ? square : product(*square, *base);
    }
    const auto f = primitives::as_binary(*node.primitive);
    if (!f || (f != Binary::add && f != Binary::sub && f != Binary::mul)) return std::nullopt;
    const auto left = expression(node.inputs[0], x, h, depth);
    const auto right = left ? expression(node.inputs[1], x, h, depth) : std::nullopt;
    if (!right) return std::nullopt;
    if (f == Binary::mul) return product(*left, *right);
    return sum(*left, f == Binary::add ? 1 : -1, *right);
  }

  Pattern& pattern_;
};

}  // namespace

void fuse_gelu(Graph& graph, std::span<const ValueId> keep) {
  Pattern pattern(graph, keep);
  for (std::size_t n = 0; n < pattern.nodes().size(); ++n) {
    const Node& node = pattern.nodes()[n];
    // The last step is a product, of two factors or with a number.
    const auto step = pattern.affine_step(node);
    if (step ? step->shift != 0 : primitives::as_binary(*node.primitive) != Binary::mul) continue;
    if (const auto gelu = GeluFinder(pattern).match(node)) {
      pattern.replace(static_cast<NodeId>(n), primitives::make_unary(gelu->gelu), {gelu->x});
    }
  }
  pattern.finish();
}

}  // namespace mho::graph
