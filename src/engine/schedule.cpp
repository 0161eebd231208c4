// What a Plan keeps in memory, and when.
#include "engine/schedule.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>

#include "graph/analysis.h"
#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::index;
using graph::kReal;
using graph::Node;
using primitives::DeltaRule;
using primitives::Positions;

constexpr std::int64_t kAlways = std::int64_t{1} << 40;

[[noreturn]] void refuse(const Node& node, std::string_view why) {
  throw Error(Code::kUnsupported, fmt::format("node '{}' ({}): {}", node.origin_name, node.origin_type, why));
}

/// What `from` leads to as real numbers through differentiable nodes: comparisons and indices count as fixed.
std::vector<bool> differentiable_dependents(const Graph& graph, std::span<const ValueId> from) {
  std::vector<bool> depends(graph.value_count(), false);
  for (const ValueId id : from) depends[index(id)] = true;
  for (const Node& node : graph.nodes()) {
    if (!node.primitive->differentiable() || graph::inputs_in(node, depends).empty()) continue;
    for (const ValueId id : node.outputs) depends[index(id)] = graph.value(id).type.is_real();
  }
  return depends;
}

}  // namespace

Schedule::Schedule(const Graph& graph, const PlanRequest& request, kernels::DType real, const PlanOptions& options)
    : graph_(graph), request_(request), real_(real), multipliers_(!request.moving.empty() && !request.relevance_of) {
  moves_ = request_.relevance_of ? differentiable_dependents(graph_, request_.moving)
                                 : graph::dependents(graph_, request_.moving);
  plan_forward();
  mark_gradients();
  find_signed_changes();
  plan_backward(options.repeat_backward);
  if (options.keep_values) {
    for (const std::size_t buffer : value_buffers_) {
      if (buffer != kNoBuffer) extend(buffer, kAlways);
    }
  }
  if (options.chain > 0) plan_pads(options.chain);
}

void Schedule::plan_pads(std::int64_t slots) {
  pads_.assign(lifetimes_.size(), 0);
  const auto pad = [&](std::size_t buffer) {
    Lifetime& life = lifetimes_[buffer];
    if (pads_[buffer] > 0 || life.last < static_cast<std::int64_t>(node_count())) return;
    constexpr std::size_t kAlignment = 64;
    const std::size_t slot = life.bytes / static_cast<std::size_t>(slots);
    pads_[buffer] = (slot + kAlignment - 1) / kAlignment * kAlignment;
    life.bytes += pads_[buffer];
  };
  for (std::size_t i = 0; i < value_buffers_.size(); ++i) {
    if (moves_[i] && value_buffers_[i] != kNoBuffer) pad(value_buffers_[i]);
  }
  for (std::size_t n = 0; n < node_count(); ++n) {
    if (active_inputs(graph_.nodes()[n]).empty()) continue;
    for (const std::size_t buffer : saved_buffers_[n]) pad(buffer);
  }
}

std::int64_t Schedule::backward_time(std::size_t node) const {
  return static_cast<std::int64_t>(2 * node_count() - node);
}

std::size_t Schedule::new_buffer(const TensorType& type, std::int64_t first, std::int64_t last) {
  TensorType stored = type;
  if (stored.dtype == kReal) stored.dtype = real_;
  lifetimes_.push_back({stored.bytes(), first, last});
  shared_.push_back(false);
  return lifetimes_.size() - 1;
}

void Schedule::extend(std::size_t buffer, std::int64_t time) {
  Lifetime& life = lifetimes_[buffer];
  life.first = std::min(life.first, time);
  life.last = std::max(life.last, time);
}

Positions Schedule::active_inputs(const Node& node) const { return graph::inputs_in(node, moves_); }

TensorType Schedule::gradient_type(ValueId id) const {
  TensorType type = graph_.value(id).type;
  type.dtype = kReal;
  return type;
}

/// Gradients pass over differentiable nodes between real values; multipliers over everything that moves.
bool Schedule::passes_gradients(const Node& node) const {
  return multipliers_ ? !active_inputs(node).empty() : node.primitive->differentiable();
}

bool Schedule::may_have_gradient(ValueId id) const {
  return multipliers_ ? moves_[index(id)] : graph_.value(id).type.is_real();
}

Rule Schedule::rule_of(const Node& node) const { return request_.rule_of ? request_.rule_of(node) : Rule::rescale; }

RelevanceStep Schedule::relevance_step(const Node& node) const {
  const RelevanceRule rule = request_.relevance_of(node);
  const Positions active = active_inputs(node);
  if (const auto kind = relevance_kind(node, active, rule)) return {&node, *kind, rule, active};
  if (node.primitive->affine(active)) {
    refuse(node, fmt::format("gamma and alphabeta need the signs of contributions, which {} does not tell; choose "
                             "epsilon for it",
                             node.primitive->name()));
  }
  refuse(node,
         fmt::format("LRP has no rule for {} where these of its inputs depend on the model's input; choose layers "
                     "behind it, or deeplift or nig",
                     node.primitive->name()));
}

BackwardKind Schedule::backward_kind(const Node& node) const {
  if (request_.relevance_of) {
    return relevance_step(node).kind == RelevanceKind::gradient ? BackwardKind::vjp : BackwardKind::relevance;
  }
  if (!multipliers_) return BackwardKind::vjp;
  if (node.primitive->affine(active_inputs(node))) return BackwardKind::multipliers;
  switch (rule_of(node)) {
    case Rule::gradient:
      return node.primitive->differentiable() ? BackwardKind::vjp : BackwardKind::zero;
    case Rule::linear:
      return BackwardKind::pass_on;
    default:
      return BackwardKind::multipliers;
  }
}

void Schedule::plan_forward() {
  value_buffers_.assign(graph_.value_count(), kNoBuffer);
  saved_buffers_.resize(node_count());
  for (const ValueId id : request_.feeds) value_buffers_[index(id)] = new_buffer(graph_.value(id).type, -1, 0);
  for (std::size_t n = 0; n < node_count(); ++n) {
    const Node& node = graph_.nodes()[n];
    const auto time = static_cast<std::int64_t>(n);
    for (const ValueId id : node.inputs) {
      if (value_buffer(id) != kNoBuffer) extend(value_buffer(id), time);
    }
    const bool view = node.primitive->is_view() && value_buffer(node.inputs[0]) != kNoBuffer;
    std::vector<TensorType> inputs, outputs;
    for (const ValueId id : node.inputs) inputs.push_back(graph_.value(id).type);
    for (const ValueId id : node.outputs) {
      outputs.push_back(graph_.value(id).type);
      value_buffers_[index(id)] = view ? value_buffer(node.inputs[0]) : new_buffer(outputs.back(), time, time);
    }
    for (const TensorType& type : node.primitive->saved(inputs, outputs)) {
      saved_buffers_[n].push_back(new_buffer(type, time, time));
    }
  }
  for (const auto* list : {&request_.fetches, &request_.seeds}) {
    for (const ValueId id : *list) {
      if (value_buffer(id) != kNoBuffer) extend(value_buffer(id), kAlways);
    }
  }
}

void Schedule::mark_gradients() {
  std::vector<bool> from_wanted(graph_.value_count(), false);
  std::vector<bool> to_seed(graph_.value_count(), false);
  for (const ValueId id : request_.gradients) from_wanted[index(id)] = true;
  for (const ValueId id : request_.seeds) to_seed[index(id)] = true;
  for (const Node& node : graph_.nodes()) {
    if (!passes_gradients(node)) continue;
    const bool any = std::ranges::any_of(node.inputs, [&](ValueId id) { return from_wanted[index(id)]; });
    for (const ValueId id : node.outputs) {
      if (any && may_have_gradient(id)) from_wanted[index(id)] = true;
    }
  }
  for (std::size_t n = node_count(); n-- > 0;) {
    const Node& node = graph_.nodes()[n];
    if (!passes_gradients(node)) continue;
    const bool any = std::ranges::any_of(node.outputs, [&](ValueId id) { return to_seed[index(id)]; });
    for (const ValueId id : node.inputs) {
      if (any && may_have_gradient(id)) to_seed[index(id)] = true;
    }
  }
  has_gradient_.assign(graph_.value_count(), false);
  for (std::size_t i = 0; i < has_gradient_.size(); ++i) has_gradient_[i] = from_wanted[i] && to_seed[i];
}

Positions Schedule::wanted_inputs(const Node& node) const { return graph::inputs_in(node, has_gradient_); }

bool Schedule::runs_backward(const Node& node) const {
  if (!passes_gradients(node)) return false;
  const auto has = [&](ValueId id) { return has_gradient_[index(id)]; };
  return std::ranges::any_of(node.outputs, has) && std::ranges::any_of(node.inputs, has);
}

void Schedule::find_signed_changes() {
  signed_changes_.resize(node_count());
  if (!multipliers_) return;
  for (std::size_t n = 0; n < node_count(); ++n) {
    const Node& node = graph_.nodes()[n];
    const auto function = primitives::as_unary(*node.primitive);
    // Others have poles, or jump: changes of one sign alone may lead there.
    if (!runs_backward(node) || !function || !kernels::is_activation(*function)) continue;
    if (node.primitive->affine(active_inputs(node)) || !graph_.value(node.inputs[0]).type.is_real()) continue;
    const Rule rule = rule_of(node);
    if (rule != Rule::reveal_cancel && rule != Rule::genomics) continue;
    SignedChanges changes = engine::find_signed_changes(graph_, node, moves_);
    if (rule == Rule::genomics && !changes.only_products) continue;
    std::erase_if(changes.sources, [&](const SignedChanges::Source& source) {
      return !has_gradient_[index(graph_.node(changes.links[source.link].node).inputs[source.input])];
    });
    if (!changes.sources.empty()) signed_changes_[n].changes = std::move(changes);
  }
}

/// The cotangent of output 0 is, unchanged, the gradient of this input.
bool Schedule::passes_through(const Node& node, std::size_t input) const {
  if (node.primitive->is_view()) return true;
  const auto binary = primitives::as_binary(*node.primitive);
  if (request_.relevance_of) return false;
  const bool additive = binary == kernels::Binary::add || (binary == kernels::Binary::sub && input == 0);
  return additive && graph_.value(node.inputs[input]).type == graph_.value(node.outputs[0]).type;
}

/// How many parts the gradient of each value is the sum of.
std::vector<int> Schedule::count_contributions() const {
  std::vector<int> parts(graph_.value_count(), 0);
  for (const ValueId id : request_.seeds) ++parts[index(id)];
  for (const Node& node : graph_.nodes()) {
    if (!runs_backward(node)) continue;
    for (const ValueId id : node.inputs) parts[index(id)] += has_gradient_[index(id)] ? 1 : 0;
  }
  for (const SignedChangesBuffers& at : signed_changes_) {
    for (const auto& [link, input] : at.changes.sources) {
      ++parts[index(graph_.node(at.changes.links[link].node).inputs[input])];
    }
  }
  return parts;
}

void Schedule::plan_backward(bool repeatedly) {
  gradient_buffers_.assign(graph_.value_count(), kNoBuffer);
  backward_.resize(node_count());
  const std::vector<int> contributions = count_contributions();
  for (const ValueId id : request_.seeds) {
    // The caller writes cotangents before forward(), so they live from the start.
    if (gradient_buffer(id) == kNoBuffer) gradient_buffers_[index(id)] = new_buffer(gradient_type(id), -1, kAlways);
    shared_[gradient_buffer(id)] = true;
  }
  for (std::size_t n = node_count(); n-- > 0;) {
    const Node& node = graph_.nodes()[n];
    if (!runs_backward(node)) continue;
    const std::int64_t time = backward_time(n);
    for (const ValueId id : node.outputs) {
      const bool known = gradient_buffer(id) != kNoBuffer;
      if (known) extend(gradient_buffer(id), time);
      backward_[n].zeros.push_back(known ? kNoBuffer : new_buffer(gradient_type(id), time, time));
    }
    plan_backward_inputs(n, contributions);
    const std::int64_t last_read = repeatedly ? kAlways : time;
    extend_reads(n, last_read);
    plan_corrections(n, last_read);
  }
  for (const ValueId id : request_.gradients) {
    std::size_t& buffer = gradient_buffers_[index(id)];
    // No seed depends on it: nobody else ever writes there, so the arena's zeros stay.
    if (buffer == kNoBuffer) buffer = new_buffer(gradient_type(id), -1, kAlways);
    extend(buffer, kAlways);
  }
}

void Schedule::plan_backward_inputs(std::size_t n, const std::vector<int>& contributions) {
  const Node& node = graph_.nodes()[n];
  const std::int64_t time = backward_time(n);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    std::size_t& buffer = gradient_buffers_[index(id)];
    backward_[n].is_sum.push_back(false);
    if (!has_gradient_[index(id)]) {
      backward_[n].inputs.push_back(kNoBuffer);
    } else if (buffer != kNoBuffer) {
      extend(buffer, time);
      backward_[n].is_sum.back() = true;
      backward_[n].inputs.push_back(new_buffer(gradient_type(id), time, time));
    } else {
      const std::size_t cotangent = gradient_buffer(node.outputs[0]);
      const bool share = contributions[index(id)] == 1 && cotangent != kNoBuffer && passes_through(node, i);
      const bool overwrite = i == 0 && may_overwrite_cotangent(n);
      buffer = share || overwrite ? cotangent : new_buffer(gradient_type(id), time, time);
      if (share) shared_[cotangent] = true;
      backward_[n].inputs.push_back(buffer);
    }
  }
}

/// Nobody else reads the cotangent of node n's output, and its input's gradient fits there.
bool Schedule::may_overwrite_cotangent(std::size_t n) const {
  const Node& node = graph_.nodes()[n];
  const ValueId output = node.outputs[0];
  const std::size_t cotangent = gradient_buffer(output);
  if (!node.primitive->backward_in_place() || !signed_changes_[n].changes.sources.empty()) return false;
  if (cotangent == kNoBuffer || shared_[cotangent] || gradient_type(node.inputs[0]) != gradient_type(output)) {
    return false;
  }
  return std::ranges::find(request_.gradients, output) == request_.gradients.end();
}

primitives::BackwardReads Schedule::backward_reads(const Node& node) const {
  const Positions wanted = wanted_inputs(node);
  const Positions active = active_inputs(node);
  switch (backward_kind(node)) {
    case BackwardKind::vjp:
      return node.primitive->backward_reads(wanted);
    case BackwardKind::relevance:
      return relevance_step(node).reads(wanted);
    case BackwardKind::zero:
      return {};
    case BackwardKind::pass_on: {
      const bool one = active.count(node.inputs.size()) == 1 && node.outputs.size() == 1;
      for (std::size_t i = 0; one && i < node.inputs.size(); ++i) {
        if (active.has(i) && gradient_type(node.inputs[i]) == gradient_type(node.outputs[0])) return {};
      }
      refuse(node,
             "rule linear needs an operator with an input of its output's shape, lowered to one primitive; choose "
             "another rule for it");
    }
    case BackwardKind::multipliers:
      break;
  }
  if (node.primitive->delta_rule(active) == DeltaRule::none) {
    refuse(node,
           fmt::format("DeepLIFT has no rule for {} where these of its inputs depend on the model's input; choose "
                       "layers behind it, or nig, which needs gradients only",
                       node.primitive->name()));
  }
  return node.primitive->multiplier_reads(active, wanted);
}

/// Keeps alive what the backward pass of node n reads.
void Schedule::extend_reads(std::size_t n, std::int64_t time) {
  const Node& node = graph_.nodes()[n];
  const primitives::BackwardReads reads = backward_reads(node);
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (reads.inputs.has(i) && value_buffer(node.inputs[i]) != kNoBuffer) extend(value_buffer(node.inputs[i]), time);
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (reads.outputs.has(i)) extend(value_buffer(node.outputs[i]), time);
  }
  for (const std::size_t buffer : saved_buffers_[n]) extend(buffer, time);
}

/// RevealCancel at node n reads the inputs of the linear nodes before it, and leaves corrections for their time.
void Schedule::plan_corrections(std::size_t n, std::int64_t time) {
  SignedChangesBuffers& at = signed_changes_[n];
  if (at.changes.sources.empty()) return;
  const auto keep = [&](ValueId id) {
    if (value_buffer(id) != kNoBuffer) extend(value_buffer(id), time);
  };
  std::ranges::for_each(graph_.nodes()[n].inputs, keep);
  for (const auto& link : at.changes.links) std::ranges::for_each(graph_.node(link.node).inputs, keep);
  for (const auto& [link, input] : at.changes.sources) {
    const graph::NodeId source = at.changes.links[link].node;
    const std::int64_t used = backward_time(static_cast<std::size_t>(source));
    at.corrections.push_back(new_buffer(gradient_type(graph_.node(source).inputs[input]), backward_time(n), used));
  }
}

}  // namespace mho::engine
