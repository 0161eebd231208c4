// RevealCancel beside Rescale: linear nodes are found when the Plan is made, corrections computed in its backward pass.
#include "engine/signed_changes.h"

#include <algorithm>
#include <map>

#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Graph;
using graph::kNoNode;
using graph::Node;
using graph::NodeId;
using graph::ValueId;
using kernels::Binary;
using kernels::Tensor;
using kernels::TensorType;
using kernels::Unary;
using kernels::Workspace;
using primitives::Exec;
using primitives::Magnitudes;
using primitives::Positions;

/// |x - x'| as a temporary.
Tensor size_of_change(Exec& exec, const Tensor& x, const Tensor& reference) {
  const Tensor change = exec.workspace.temporary(x.type);
  exec.device.binary(exec.workspace, Binary::sub, x, reference, change);
  exec.device.unary(exec.workspace, {Unary::abs}, change, change);
  return change;
}

void add_or_set(Exec& exec, const Tensor& part, Tensor& sum) {
  if (sum.empty()) {
    sum = part;
  } else {
    exec.device.add_into(exec.workspace, part, sum);
  }
}

}  // namespace

SignedChanges find_signed_changes(const Graph& graph, const Node& nonlinearity, const std::vector<bool>& moves) {
  std::map<NodeId, Magnitudes> found;
  std::vector<ValueId> open = {nonlinearity.inputs[0]};
  while (!open.empty()) {
    const NodeId maker = graph.value(open.back()).producer;
    open.pop_back();
    if (maker == kNoNode || found.contains(maker)) continue;
    const Node& node = graph.node(maker);
    const Positions active = graph::inputs_in(node, moves);
    const auto magnitudes = active.empty() ? std::nullopt : node.primitive->magnitudes(active);
    if (!magnitudes) continue;
    found.emplace(maker, *magnitudes);
    if (magnitudes->mixes) continue;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (active.has(i)) open.push_back(node.inputs[i]);
    }
  }
  SignedChanges changes;
  changes.only_products = true;
  for (const auto& [id, magnitudes] : found) {
    changes.links.push_back({id, magnitudes});
    if (!magnitudes.mixes) continue;
    const Node& node = graph.node(id);
    const Positions active = graph::inputs_in(node, moves);
    changes.only_products = changes.only_products && primitives::as_matmul(*node.primitive).has_value();
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (active.has(i)) changes.sources.push_back({changes.links.size() - 1, i});
    }
  }
  changes.only_products = changes.only_products && !changes.sources.empty();
  return changes;
}

namespace {

/// The inputs of |L|: sizes of changes (where the caller has them), magnitudes of coefficients, no offsets.
std::vector<Tensor> magnitudes_of_inputs(Exec& exec, const SignedChangesStep::Link& link,
                                         const std::vector<Tensor>* changes) {
  std::vector<Tensor> inputs = link.inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (link.active.has(i)) {
      if (changes == nullptr) continue;  // linear: the adjoint does not read them
      const bool follow = !link.magnitudes.mixes && link.makers[i] != SignedChangesStep::kNoLink;
      inputs[i] = follow ? (*changes)[link.makers[i]] : size_of_change(exec, link.inputs[i], link.reference_inputs[i]);
    } else if (link.magnitudes.absolute.has(i)) {
      inputs[i] = exec.workspace.temporary(link.inputs[i].type);
      exec.device.unary(exec.workspace, {Unary::abs}, link.inputs[i], inputs[i]);
    } else if (link.magnitudes.zero.has(i)) {
      inputs[i] = exec.workspace.temporary(link.inputs[i].type);
      exec.device.fill(inputs[i], 0);
    }
  }
  return inputs;
}

}  // namespace

void SignedChangesStep::run(Exec& exec) const {
  kernels::Device& device = exec.device;
  Workspace& workspace = exec.workspace;
  const auto primitive = [](const Link& link) -> const primitives::Primitive& {
    return link.magnitudes.primitive ? *link.magnitudes.primitive : *link.node->primitive;
  };

  // D+ - D- of every link's output.
  std::vector<Tensor> changes;
  for (const Link& link : links) {
    changes.push_back(workspace.temporary(link.output));
    primitive(link).forward(exec, magnitudes_of_inputs(exec, link, &changes), {&changes.back(), 1}, {});
  }

  std::vector<Tensor> even(links.size()), odd(links.size());
  even.back() = workspace.temporary(output_multipliers.type);
  odd.back() = workspace.temporary(output_multipliers.type);
  device.reveal_cancel(workspace, function, x, reference_x, changes.back(), output_multipliers, even.back(),
                       odd.back());

  for (std::size_t l = links.size(); l-- > 0;) {
    const Link& link = links[l];
    std::vector<Tensor> even_inputs, odd_inputs;
    for (std::size_t i = 0; i < link.inputs.size(); ++i) {
      const auto is_source = [&](const Source& s) { return s.link == l && s.input == i; };
      const bool wanted = link.magnitudes.mixes ? std::ranges::any_of(sources, is_source)
                                                : link.active.has(i) && link.makers[i] != kNoLink;
      for (auto* list : {&even_inputs, &odd_inputs}) {
        list->push_back(wanted ? workspace.temporary(link.inputs[i].type)
                               : Tensor{link.inputs[i].type, nullptr, false});
      }
    }
    const Tensor none{link.output, nullptr, false};
    link.node->primitive->vjp(exec, {link.inputs, {&none, 1}, {}, {&even[l], 1}, even_inputs});
    primitive(link).vjp(exec, {magnitudes_of_inputs(exec, link, nullptr), {&none, 1}, {}, {&odd[l], 1}, odd_inputs});
    if (!link.magnitudes.mixes) {
      for (std::size_t i = 0; i < link.inputs.size(); ++i) {
        if (even_inputs[i].empty()) continue;
        add_or_set(exec, even_inputs[i], even[link.makers[i]]);
        add_or_set(exec, odd_inputs[i], odd[link.makers[i]]);
      }
      continue;
    }
    for (const Source& source : sources) {
      if (source.link != l) continue;
      const std::size_t i = source.input;
      const Tensor sign = workspace.temporary(link.inputs[i].type);
      device.binary(workspace, Binary::sub, link.inputs[i], link.reference_inputs[i], sign);
      device.unary(workspace, {Unary::sign}, sign, sign);
      device.binary(workspace, Binary::mul, sign, odd_inputs[i], sign);
      device.binary(workspace, Binary::add, even_inputs[i], sign, source.correction);
    }
  }
}

}  // namespace mho::engine
