// Einsum 12: sums of products over index letters, operand by operand as matrix products. A letter twice in one operand
// is its diagonal; "..." stands for leading axes that broadcast; without "->" the letters that occur once are the
// result.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "onnx/compose/compose.h"
#include "onnx/lowering.h"

namespace mho::onnx::ops {

namespace {

/// An operand with one letter per axis. Axes of an ellipsis have digits, '0' for the last of them.
struct Term {
  ValueId value;
  std::string letters;
};

struct Equation {
  std::vector<std::string> operands;
  std::string result;
};

class Einsum {
 public:
  explicit Einsum(const NodeContext& node) : node_(node), build_(node.build) {}

  ValueId run() {
    Equation equation = parse();
    std::vector<Term> terms;
    for (std::size_t i = 0; i < equation.operands.size(); ++i) terms.push_back(term(i, equation.operands[i]));
    for (Term& term : terms) stretch(term);
    while (terms.size() > 1) {
      std::string later = equation.result;
      for (std::size_t i = 2; i < terms.size(); ++i) later += terms[i].letters;
      terms[0] = product(terms[0], terms[1], later);
      terms.erase(terms.begin() + 1);
    }
    const Term sum = keep_only(terms[0], equation.result);
    if (sum.letters.size() != equation.result.size()) node_.invalid("its result has a letter that no operand has");
    return permuted(sum, equation.result);
  }

 private:
  static bool has(const std::string& letters, char c) { return letters.find(c) != std::string::npos; }

  /// Letters with ellipses replaced by digits.
  Equation parse() {
    std::string text = node_.attributes.string("equation", "");
    std::erase(text, ' ');
    const std::size_t arrow = text.find("->");
    Equation equation;
    std::string left = text.substr(0, arrow);
    for (std::size_t at = 0;;) {
      const std::size_t comma = left.find(',', at);
      equation.operands.push_back(left.substr(at, comma - at));
      if (comma == std::string::npos) break;
      at = comma + 1;
    }
    if (equation.operands.size() != node_.inputs.size()) {
      node_.invalid(
          fmt::format("'{}' is for {} operands, {} are given", text, equation.operands.size(), node_.inputs.size()));
    }
    std::size_t widest = 0;
    for (std::size_t i = 0; i < equation.operands.size(); ++i) {
      std::string& letters = equation.operands[i];
      const std::size_t dots = letters.find("...");
      const std::size_t named = letters.size() - (dots == std::string::npos ? 0 : 3);
      const std::size_t rank = node_.shape_of(i).size();
      if (rank < named || (dots == std::string::npos && rank != named) || rank - named > 9) {
        node_.invalid(fmt::format("operand {} of '{}' has shape {}", i, text, to_string(node_.shape_of(i))));
      }
      if (dots != std::string::npos) {
        letters.replace(dots, 3, digits(rank - named));
        widest = std::max(widest, rank - named);
      }
      check_letters(letters);
    }
    equation.result = arrow == std::string::npos ? implicit_result(equation.operands, widest) : text.substr(arrow + 2);
    if (const std::size_t dots = equation.result.find("..."); dots != std::string::npos) {
      equation.result.replace(dots, 3, digits(widest));
    }
    check_letters(equation.result);
    for (const char c : equation.result) {
      if (std::ranges::count(equation.result, c) > 1)
        node_.invalid(fmt::format("'{}' has a letter twice in its result", text));
    }
    return equation;
  }

  void check_letters(const std::string& letters) const {
    for (const char c : letters) {
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) {
        node_.invalid(
            fmt::format("its equation has the character {}", static_cast<int>(static_cast<unsigned char>(c))));
      }
    }
  }

  static std::string digits(std::size_t count) {
    std::string result;
    while (count > 0) result += static_cast<char>('0' + --count);
    return result;
  }

  static std::string implicit_result(const std::vector<std::string>& operands, std::size_t widest) {
    std::map<char, int> counts;
    for (const std::string& letters : operands) {
      for (const char c : letters) ++counts[c];
    }
    std::string result = digits(widest);
    for (const auto& [letter, count] : counts) {
      if (count == 1 && !(letter >= '0' && letter <= '9')) result += letter;
    }
    return result;
  }

  /// The operand with diagonals taken; notes the letters' extents.
  Term term(std::size_t i, const std::string& letters) {
    Term term{as_real(build_, node_.input(i)), letters};
    for (std::size_t a = 0; a < term.letters.size(); ++a) {
      for (std::size_t b = term.letters.size(); b-- > a + 1;) {
        if (term.letters[a] == term.letters[b]) take_diagonal(term, a, b);
      }
    }
    const Shape shape = build_.type(term.value).shape;
    for (std::size_t a = 0; a < shape.size(); ++a) {
      std::int64_t& extent = extents_.emplace(term.letters[a], shape[a]).first->second;
      if (extent == 1) extent = shape[a];
      if (shape[a] != extent && shape[a] != 1) {
        node_.invalid(fmt::format("'{}' stands for extents {} and {}", term.letters[a], extent, shape[a]));
      }
    }
    return term;
  }

  void take_diagonal(Term& term, std::size_t a, std::size_t b) {
    Shape shape = build_.type(term.value).shape;
    const std::int64_t n = shape[a];
    if (shape[b] != n) node_.invalid(fmt::format("the diagonal of extents {} and {}", n, shape[b]));
    std::string order = term.letters;
    order.erase(b, 1);
    order.erase(a, 1);
    Shape permutation;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (i != a && i != b) permutation.push_back(static_cast<std::int64_t>(i));
    }
    permutation.push_back(static_cast<std::int64_t>(a));
    permutation.push_back(static_cast<std::int64_t>(b));
    const ValueId moved = transpose(build_, term.value, permutation);
    shape = build_.type(moved).shape;
    shape.pop_back();
    shape.back() = n * n;
    std::vector<std::int64_t> places;
    for (std::int64_t i = 0; i < n; ++i) places.push_back(i * (n + 1));
    term.value = take(build_, reshape(build_, moved, shape), static_cast<std::int64_t>(shape.size()) - 1, places);
    term.letters = order + term.letters[a];
  }

  /// Axes of extent 1 get the extent that the letter has elsewhere.
  void stretch(Term& term) {
    Shape shape;
    for (const char c : term.letters) shape.push_back(extents_.at(c));
    checked_size(node_, shape);
    term.value = broadcast(build_, term.value, shape);
  }

  Term keep_only(const Term& term, const std::string& kept) {
    Shape axes;
    Term result{term.value, {}};
    for (std::size_t i = 0; i < term.letters.size(); ++i) {
      if (has(kept, term.letters[i])) {
        result.letters += term.letters[i];
      } else {
        axes.push_back(static_cast<std::int64_t>(i));
      }
    }
    result.value = reduce(build_, ReduceKind::sum, term.value, axes, false);
    return result;
  }

  ValueId permuted(const Term& term, const std::string& order) {
    Shape permutation;
    for (const char c : order) permutation.push_back(static_cast<std::int64_t>(term.letters.find(c)));
    return transpose(build_, term.value, permutation);
  }

  std::int64_t size_of(const std::string& letters) const {
    std::int64_t size = 1;
    for (const char c : letters) size *= extents_.at(c);
    return size;
  }

  /// Sums over the letters of both that `later` does not need.
  Term product(Term a, Term b, const std::string& later) {
    a = keep_only(a, later + b.letters);
    b = keep_only(b, later + a.letters);
    std::string shared, summed, only_a, only_b;
    for (const char c : a.letters) (has(b.letters, c) ? (has(later, c) ? shared : summed) : only_a) += c;
    for (const char c : b.letters) {
      if (!has(a.letters, c)) only_b += c;
    }
    const std::int64_t batch = size_of(shared), inner = size_of(summed);
    const ValueId left = reshape(build_, permuted(a, shared + only_a + summed), {batch, size_of(only_a), inner});
    const ValueId right = reshape(build_, permuted(b, shared + summed + only_b), {batch, inner, size_of(only_b)});
    const std::string letters = shared + only_a + only_b;
    Shape shape;
    for (const char c : letters) shape.push_back(extents_.at(c));
    checked_size(node_, shape);
    return {reshape(build_, build_.apply1(primitives::make_matmul(), {left, right}), shape), letters};
  }

  const NodeContext& node_;
  Builder& build_;
  std::map<char, std::int64_t> extents_;
};

std::vector<ValueId> lower_einsum(const NodeContext& node) {
  if (node.inputs.empty()) node.invalid("it has no operands");
  const DType type = node.type_of(0).dtype;
  return {cast(node.build, Einsum(node).run(), type)};
}

}  // namespace

std::vector<Operator> einsum_operators() {
  return {
      {.type = "Einsum", .since = 12, .lowering = lower_einsum},
  };
}

}  // namespace mho::onnx::ops
