// DeepLIFT multipliers of primitives whose rule is the vjp: linear ones, and products at the midpoint of the two runs.
#include <fmt/format.h>
#include <mho/error.h>

#include "primitives/broadcast.h"

namespace mho::primitives {

namespace {

/// (x + x') / 2, of x's layout.
Tensor midpoint(Exec& exec, const Tensor& x, const Tensor& reference) {
  const Tensor middle = exec.workspace.temporary(x.type);
  exec.device.interpolate(reference, x, 0.5, middle);
  return middle;
}

}  // namespace

// Linear: y - y' = L (x - x'), so m_x = L^T m_y. Product: ab - a'b' = (a - a')(b + b')/2 + (a + a')/2 (b - b'), so
// m is the vjp where every active factor is replaced by its mean (symmetric split, MATHS.md section 3).
void Primitive::multipliers(Exec& exec, const MultiplierArgs& args) const {
  const DeltaRule rule = delta_rule(args.active);
  if (rule != DeltaRule::linear && rule != DeltaRule::bilinear) {
    throw Error(Code::kInternal, fmt::format("{} has no rule for multipliers", name()));
  }
  if (rule == DeltaRule::linear) {
    return vjp(exec, {args.inputs, args.outputs, args.saved, args.output_multipliers, args.input_multipliers});
  }
  auto& inputs = exec.workspace.slot<std::vector<Tensor>>([] { return std::vector<Tensor>(); });
  inputs.assign(args.inputs.begin(), args.inputs.end());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].empty()) continue;
    inputs[i] = as_real(exec, inputs[i]);
    if (args.active.has(i)) inputs[i] = midpoint(exec, inputs[i], as_real(exec, args.reference_inputs[i]));
  }
  vjp(exec, {inputs, args.outputs, args.saved, args.output_multipliers, args.input_multipliers});
}

BackwardReads Primitive::multiplier_reads(Positions /*active*/, Positions wanted) const {
  return backward_reads(wanted);
}

}  // namespace mho::primitives
