// Which rule Quadrature::kAdaptive stands for, and whether its sums may be extrapolated.
#pragma once

#include "attribution/setup.h"

namespace mho::attribution {

/// kSecant where something between the path's beginning and the target has kinks and everything there has a rule for
/// multipliers, unless the target is affine in all layers; else kTrapezoid: on smooth networks it is of second order,
/// and gradients cost less than multipliers.
[[nodiscard]] Quadrature choose_rule(const Setup& setup);

/// Whether all between the path's beginning and the target is known to have derivatives of any order, where it is
/// defined: trapezoids err by c / K^2 then, and two sums of them tell c.
[[nodiscard]] bool is_smooth(const Setup& setup);

}  // namespace mho::attribution
