// Layer-wise relevance propagation (LRP) at one node: what takes the place of its vjp.
//
// Backward passes carry relevance per unit of a tensor, m = R / y. Seeds are dF/dy of the target, so R = F there; where
// a node's rule is its vjp, m is a gradient and R is gradient times y.
#pragma once

#include <cstdint>
#include <optional>

#include "engine/rules.h"

namespace mho::engine {

enum class RelevanceKind : std::uint8_t {
  gradient,    ///< the vjp: y = f'(x) x element by element, a choice of elements, or no rule with anything to stabilise
  activation,  ///< y = f(x): R_x = R_y, so m_x = m_y f(x) / x
  sum,         ///< sums and offsets: the rule chosen for the node
};

/// Nothing: LRP has no rule for the node where its inputs `active` depend on what is explained.
[[nodiscard]] std::optional<RelevanceKind> relevance_kind(const graph::Node& node, primitives::Positions active,
                                                          const RelevanceRule& rule);

/// A backward step, with y = L x + b of a node that sums, z_ij = l_ij x_i, m the relevance per unit of y, and a
/// stabiliser s = 1e-9 (Bach et al. 2015, doi 10.1371/journal.pone.0130140, equations 58 to 60; Montavon et al. 2019,
/// doi 10.1007/978-3-030-28954-6_10, table 10.1):
///   epsilon:    m_x = L^T (m y / (y + epsilon sign(y)))
///   gamma:      m_x = (L + gamma L+)^T (m y / d), d = (L + gamma L+) x + b + gamma b+, stabilised by s
///   alpha-beta: R_i = sum_j (alpha z_ij+ / (sum_i z_ij+ + b_j+ + s) - beta z_ij- / (sum_i z_ij- + b_j- - s)) R_j
/// with alpha = 1 where no part is negative. b takes its part and keeps it. L+ = (L + |L|) / 2, so L and |L|
/// (primitives::Magnitudes) are all that is needed.
struct RelevanceStep {
  const graph::Node* node = nullptr;
  RelevanceKind kind = RelevanceKind::gradient;
  RelevanceRule rule;
  primitives::Positions active;

  [[nodiscard]] primitives::BackwardReads reads(primitives::Positions wanted) const;
  void run(primitives::Exec& exec, const primitives::VjpArgs& args) const;

 private:
  void run_activation(primitives::Exec& exec, const primitives::VjpArgs& args) const;
  void run_epsilon(primitives::Exec& exec, const primitives::VjpArgs& args) const;
  void run_gamma(primitives::Exec& exec, const primitives::VjpArgs& args) const;
  void run_alpha_beta(primitives::Exec& exec, const primitives::VjpArgs& args) const;
};

}  // namespace mho::engine
