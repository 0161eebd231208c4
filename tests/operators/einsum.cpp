// Einsum: products, traces and diagonals, sums, ellipses that broadcast, implicit results, three operands.
#include <fmt/format.h>

#include <map>

#include "support/operator_cases.h"

namespace mho::testing::ops {

OperatorCases einsum_cases(Draw& draw) {
  OperatorCases cases;
  std::map<char, std::int64_t> extents;
  for (const char letter : std::string_view("ijklmB")) extents[letter] = draw.integer(1, 4);
  struct Equation {
    const char* text;
    std::vector<std::string> shapes;
  };
  const std::vector<Equation> equations{
      {"ij,jk->ik", {"ij", "jk"}},
      {"ij,jk", {"ij", "jk"}},
      {"bii->bi", {"Bii"}},
      {"ii", {"ii"}},
      {"...ij,...jk->...ik", {"Bij", "1jk"}},
      {"i,j->ij", {"i", "j"}},
      {"ij->j", {"ij"}},
      {"ij,ij->i", {"ij", "ij"}},
      {"ij,jk,kl->il", {"ij", "jk", "kl"}},
      {"bhqd, bhkd -> bhqk", {"Bijk", "Bilk"}},
      {"i...->...i", {"ijB"}},
      {"ij,k->ik", {"ij", "k"}},
      {"iij,jk->ik", {"iij", "jk"}},
  };
  for (const Equation& equation : equations) {
    const auto shape = [&](const std::string& letters) {
      Shape result;
      for (const char c : letters) result.push_back(c == '1' ? 1 : extents.at(c));
      return result;
    };
    ModelBuilder model = model_of_x(shape(equation.shapes[0]), draw.one_of<std::int64_t>({12, 20}));
    std::vector<std::string> inputs{"x"};
    for (std::size_t i = 1; i < equation.shapes.size(); ++i) {
      inputs.push_back(fmt::format("x{}", i));
      model.input(inputs.back(), extents_of(shape(equation.shapes[i])));
    }
    model.node("Einsum", inputs, {"y"}).with("equation", equation.text);
    cases.push_back({fmt::format("Einsum {}", equation.text), std::move(model)});
  }
  return cases;
}

}  // namespace mho::testing::ops
