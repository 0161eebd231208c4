// Which rule Quadrature::kAdaptive stands for.
#pragma once

#include "attribution/setup.h"

namespace mho::attribution {

/// kSecant where something between the path's beginning and the target has kinks and everything there has a rule for
/// multipliers, unless the target is affine in all layers; else kTrapezoid: on smooth networks it is of second order,
/// and gradients cost less than multipliers.
[[nodiscard]] Quadrature choose_rule(const Setup& setup);

}  // namespace mho::attribution
