// Builds a Plan: prune, rewrite, schedule, lay out the arena; and runs it.
#include "engine/plan.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <optional>

#include "engine/chain.h"
#include "engine/layouts.h"
#include "engine/memory.h"
#include "engine/relevance.h"
#include "engine/rule_values.h"
#include "engine/schedule.h"
#include "engine/slots.h"
#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Constant;
using graph::index;
using graph::kReal;
using graph::Node;
using kernels::Workspace;
using primitives::Positions;

/// Throws where something is wanted that neither feeds nor constants lead to.
void check_reachable(const Graph& graph, const std::vector<ValueId>& feeds) {
  std::vector<bool> known(graph.value_count(), false);
  for (const ValueId id : feeds) known[index(id)] = true;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    if (graph.is_constant(static_cast<ValueId>(i))) known[i] = true;
  }
  const auto require = [&](ValueId id) {
    if (known[index(id)]) return;
    throw Error(Code::kInternal, fmt::format("the plan needs tensor '{}', which is not fed", graph.value(id).name));
  };
  for (const Node& node : graph.nodes()) {
    std::ranges::for_each(node.inputs, require);
    for (const ValueId id : node.outputs) known[index(id)] = true;
  }
  std::ranges::for_each(graph.outputs(), require);
}

}  // namespace

struct Plan::Impl {
  // The tensors of one node in one run: at the input, or at the reference.
  struct RunTensors {
    std::vector<Tensor> inputs, outputs, saved;
  };
  // One node of the forward pass.
  struct ForwardStep {
    const Node* node;
    RunTensors run, reference;
    Workspace workspace;
    std::vector<Carried> carried = {};
  };
  // One node of the backward pass.
  struct BackwardStep {
    const Node* node;
    BackwardKind kind;
    RunTensors run, reference;
    std::vector<Tensor> output_gradients, input_gradients;
    std::vector<std::pair<Tensor, Tensor>> sums;  // temporaries to be added to gradients that others wrote first
    std::vector<Tensor> zeros;                    // cotangents of outputs that nothing downstream uses
    Positions active;                             // inputs that may differ from the reference
    Workspace workspace;
    std::optional<RelevanceStep> relevance = {};
    std::optional<SignedChangesStep> signed_changes = {};  // after the node's own rule
    std::optional<Workspace> signed_workspace = {};
  };

  Graph graph;
  PlanRequest request;
  std::shared_ptr<kernels::Device> device;
  kernels::MemoryShare counted{device->meter()};
  kernels::Scratch scratch{device->meter()};
  // The reference has an arena of its own, laid out like the other; or, in a chain, what is carried over.
  Memory arena, reference_arena;
  std::size_t arena_bytes = 0;
  std::size_t reference_bytes = 0;
  std::int64_t chain = 0;
  std::vector<Carried> carried_feeds;
  std::vector<Constant> constants;  // in the device's real type, by value id
  std::vector<ForwardStep> forward_steps;
  std::vector<BackwardStep> backward_steps;
  std::vector<Tensor> feeds, fetches, seeds, gradients, reference_feeds, reference_fetches;
  double forward_flops = 0;
  double backward_flops = 0;

  Impl(const Graph& source, const PlanRequest& wanted, std::shared_ptr<kernels::Device> on, const PlanOptions& options,
       Poll* poll)
      : graph(source), request(wanted), device(std::move(on)), chain(options.chain) {
    std::vector<ValueId> keep = request.fetches;
    keep.insert(keep.end(), request.seeds.begin(), request.seeds.end());
    keep.insert(keep.end(), request.gradients.begin(), request.gradients.end());
    graph::cut_at(graph, request.feeds);
    graph.set_outputs(keep);
    graph::remove_dead(graph, keep);
    check_reachable(graph, request.feeds);
    if (options.optimize) optimize(keep, options.disabled_passes);
    const Schedule schedule(graph, request, device->real(), options);
    const ArenaLayout layout = lay_out(schedule.lifetimes());
    arena_bytes = std::max<std::size_t>(layout.bytes, 64);
    arena = zeros(arena_bytes, counted, poll);
    if (multipliers()) {
      reference_bytes = chain > 0 ? bytes_to_carry(schedule) : arena_bytes;
      reference_arena = zeros(std::max<std::size_t>(reference_bytes, 64), counted, poll);
    }
    constants.resize(graph.value_count());
    make_steps({schedule, layout.offsets, options.keep_values}, poll);
  }

  [[nodiscard]] static std::size_t bytes_to_carry(const Schedule& schedule) {
    std::size_t bytes = 0;
    for (std::size_t buffer = 0; buffer < schedule.lifetimes().size(); ++buffer) bytes += schedule.pad(buffer);
    return bytes;
  }

  void optimize(std::vector<ValueId> keep, std::vector<std::string> disabled) {
    const bool layouts = std::erase(disabled, "choose_layouts") == 0;
    // LRP's rules look at sums and their offsets one by one, whichever layers are asked for.
    if (request.relevance_of) {
      for (const char* pass : {"fold_batch_normalization", "fuse_sums", "fuse_relu"}) disabled.emplace_back(pass);
    }
    // RevealCancel tells the terms of a residual sum apart.
    if (multipliers() && request.rule_of) disabled.emplace_back("fuse_sums");
    const std::vector<ValueId> whole = kept_for_rules(graph, request);
    keep.insert(keep.end(), whole.begin(), whole.end());
    graph::run_passes(graph, keep, disabled);
    if (!layouts) return;
    choose_layouts(graph, *device);
    graph.verify();
  }

  [[nodiscard]] bool multipliers() const { return !request.moving.empty() && !request.relevance_of; }

  [[nodiscard]] TensorType device_type(const TensorType& type) const {
    TensorType result = type;
    if (result.dtype == kReal) result.dtype = device->real();
    return result;
  }

  // Where the schedule's buffers lie.
  struct Places {
    const Schedule& schedule;
    const std::vector<std::size_t>& offsets;
    bool keep_values;
  };

  [[nodiscard]] Tensor at(const Places& places, std::size_t buffer, const TensorType& type) const {
    return {device_type(type), arena.get() + places.offsets[buffer] + places.schedule.pad(buffer), false};
  }
  [[nodiscard]] Tensor value(const Places& places, ValueId id) {
    const std::size_t buffer = places.schedule.value_buffer(id);
    if (buffer != kNoBuffer) return at(places, buffer, graph.value(id).type);
    Constant& constant = constants[index(id)];
    if (!constant.data) {
      constant = graph::with_real_type(*graph.value(id).constant, device->real());
      const bool made = constant.data != graph.value(id).constant->data;
      if (made) counted.take(static_cast<std::int64_t>(constant.type.bytes()), "weights in a run's precision");
    }
    return constant.view();
  }
  [[nodiscard]] Tensor gradient(const Places& places, ValueId id) const {
    return at(places, places.schedule.gradient_buffer(id), places.schedule.gradient_type(id));
  }
  [[nodiscard]] std::vector<Tensor> values(const Places& places, std::span<const ValueId> ids) {
    std::vector<Tensor> tensors;
    for (const ValueId id : ids) tensors.push_back(value(places, id));
    return tensors;
  }
  /// The same tensor in the reference's arena, or one slot earlier; constants are shared.
  [[nodiscard]] Tensor at_reference(const Places& places, std::size_t buffer, Tensor t) const {
    if (t.data == nullptr || buffer == kNoBuffer) return t;
    if (chain == 0) {
      t.data = reference_arena.get() + (t.data - arena.get());
    } else if (places.schedule.pad(buffer) > 0) {
      t.data -= slot_bytes(t);
    }
    return t;
  }
  [[nodiscard]] std::size_t slot_bytes(const Tensor& t) const {
    return t.type.bytes() / static_cast<std::size_t>(chain);
  }
  [[nodiscard]] std::vector<Tensor> at_reference(const Places& places, std::span<const ValueId> ids,
                                                 std::vector<Tensor> tensors) const {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      tensors[i] = at_reference(places, places.schedule.value_buffer(ids[i]), tensors[i]);
    }
    return tensors;
  }
  [[nodiscard]] RunTensors at_reference(const Places& places, std::size_t n, RunTensors run) const {
    const Node& node = graph.nodes()[n];
    run.inputs = at_reference(places, node.inputs, std::move(run.inputs));
    run.outputs = at_reference(places, node.outputs, std::move(run.outputs));
    for (std::size_t i = 0; i < run.saved.size(); ++i) {
      run.saved[i] = at_reference(places, places.schedule.saved_buffers(n)[i], run.saved[i]);
    }
    return run;
  }

  /// Takes the place in reference_arena at `used` for a tensor that is carried over.
  void carry(const Places& places, std::size_t buffer, const Tensor& t, std::size_t& used,
             std::vector<Carried>& to) const {
    if (chain == 0 || buffer == kNoBuffer || places.schedule.pad(buffer) == 0) return;
    const std::size_t slot = slot_bytes(t);
    to.push_back({t.data - slot, t.data + t.type.bytes() - slot, slot, reference_arena.get() + used});
    used += places.schedule.pad(buffer);
  }
  void make_carried(const Places& places) {
    std::size_t used = 0;
    for (std::size_t i = 0; i < feeds.size(); ++i) {
      carry(places, places.schedule.value_buffer(request.feeds[i]), feeds[i], used, carried_feeds);
    }
    for (std::size_t n = 0; n < forward_steps.size(); ++n) {
      ForwardStep& step = forward_steps[n];
      for (std::size_t i = 0; i < step.run.saved.size(); ++i) {
        carry(places, places.schedule.saved_buffers(n)[i], step.run.saved[i], used, step.carried);
      }
      if (step.node->primitive->is_view()) continue;  // lies where its input does
      for (std::size_t i = 0; i < step.run.outputs.size(); ++i) {
        carry(places, places.schedule.value_buffer(step.node->outputs[i]), step.run.outputs[i], used, step.carried);
      }
    }
  }
  void make_steps(const Places& places, Poll* poll) {
    const std::size_t nodes = graph.nodes().size();
    for (std::size_t n = 0; n < nodes; ++n) {
      if (poll != nullptr) (*poll)();
      forward_steps.push_back(forward_step(places, n));
    }
    for (std::size_t n = nodes; n-- > 0;) {
      if (places.schedule.runs_backward(graph.nodes()[n])) add_backward_step(places, n);
    }
    add_corrections(places);
    feeds = values(places, request.feeds);
    fetches = values(places, request.fetches);
    for (const ValueId id : request.seeds) seeds.push_back(gradient(places, id));
    for (const ValueId id : request.gradients) gradients.push_back(gradient(places, id));
    if (!multipliers()) return;
    reference_feeds = at_reference(places, request.feeds, feeds);
    reference_fetches = at_reference(places, request.fetches, fetches);
    make_carried(places);
  }

  [[nodiscard]] std::vector<TensorType> types(std::span<const ValueId> ids) const {
    std::vector<TensorType> result;
    for (const ValueId id : ids) result.push_back(graph.value(id).type);
    return result;
  }

  ForwardStep forward_step(const Places& places, std::size_t n) {
    const Node& node = graph.nodes()[n];
    ForwardStep step{&node, {values(places, node.inputs), values(places, node.outputs), {}}, {}, Workspace(scratch)};
    const std::vector<TensorType> inputs = types(node.inputs);
    const std::vector<TensorType> outputs = types(node.outputs);
    const std::vector<TensorType> saved = node.primitive->saved(inputs, outputs);
    for (std::size_t i = 0; i < saved.size(); ++i) {
      step.run.saved.push_back(at(places, places.schedule.saved_buffers(n)[i], saved[i]));
    }
    if (multipliers()) step.reference = at_reference(places, n, step.run);
    forward_flops += node.primitive->flops(inputs, outputs);
    return step;
  }

  void add_backward_step(const Places& places, std::size_t n) {
    const Node& node = graph.nodes()[n];
    const Schedule& schedule = places.schedule;
    BackwardStep step{&node,
                      schedule.backward_kind(node),
                      {{}, {}, forward_steps[n].run.saved},
                      {},
                      {},
                      {},
                      {},
                      {},
                      schedule.active_inputs(node),
                      Workspace(scratch)};
    const primitives::BackwardReads reads = schedule.backward_reads(node);
    const BackwardBuffers& buffers = schedule.backward_buffers(n);
    const auto read = [&](ValueId id, bool is_read) {
      return is_read || places.keep_values ? value(places, id)
                                           : Tensor{device_type(graph.value(id).type), nullptr, false};
    };
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      const TensorType type = schedule.gradient_type(id);
      step.run.inputs.push_back(read(id, reads.inputs.has(i)));
      const bool wanted = buffers.inputs[i] != kNoBuffer;
      step.input_gradients.push_back(wanted ? at(places, buffers.inputs[i], type)
                                            : Tensor{device_type(type), nullptr, false});
      if (buffers.is_sum[i]) step.sums.emplace_back(step.input_gradients.back(), gradient(places, id));
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      step.run.outputs.push_back(read(id, reads.outputs.has(i)));
      const bool zero = buffers.zeros[i] != kNoBuffer;
      if (zero) step.zeros.push_back(at(places, buffers.zeros[i], schedule.gradient_type(id)));
      step.output_gradients.push_back(zero ? step.zeros.back() : gradient(places, id));
    }
    if (multipliers()) step.reference = at_reference(places, n, step.run);
    backward_flops += node.primitive->flops(types(node.inputs), types(node.outputs));
    if (step.kind == BackwardKind::relevance) step.relevance = schedule.relevance_step(node);
    if (!schedule.signed_changes(n).changes.sources.empty()) {
      step.signed_changes = signed_changes_step(places, n, step.output_gradients[0]);
      step.signed_workspace.emplace(scratch);
    }
    backward_steps.push_back(std::move(step));
  }

  SignedChangesStep signed_changes_step(const Places& places, std::size_t n, const Tensor& multipliers) {
    const Node& node = graph.nodes()[n];
    const SignedChangesBuffers& at_node = places.schedule.signed_changes(n);
    const std::vector<Tensor> x = values(places, node.inputs);
    SignedChangesStep step{
        *primitives::as_unary(*node.primitive), x[0], at_reference(places, node.inputs, x)[0], multipliers, {}, {}};
    std::vector<std::size_t> maker(graph.value_count(), SignedChangesStep::kNoLink);
    for (const SignedChanges::Link& link : at_node.changes.links) {
      const Node& linear = graph.node(link.node);
      std::vector<Tensor> inputs = values(places, linear.inputs);
      step.links.push_back({&linear,
                            link.magnitudes,
                            places.schedule.active_inputs(linear),
                            inputs,
                            at_reference(places, linear.inputs, inputs),
                            {},
                            device_type(graph.value(linear.outputs[0]).type)});
      for (const ValueId id : linear.inputs) step.links.back().makers.push_back(maker[index(id)]);
      maker[index(linear.outputs[0])] = step.links.size() - 1;
    }
    for (std::size_t i = 0; i < at_node.corrections.size(); ++i) {
      const auto [link, input] = at_node.changes.sources[i];
      const ValueId id = graph.node(at_node.changes.links[link].node).inputs[input];
      step.sources.push_back({link, input, at(places, at_node.corrections[i], places.schedule.gradient_type(id))});
    }
    return step;
  }

  /// Corrections are added to gradients once the node that they are for has written its own part.
  void add_corrections(const Places& places) {
    std::vector<std::pair<const Node*, std::pair<Tensor, Tensor>>> corrections;
    for (const BackwardStep& step : backward_steps) {
      if (!step.signed_changes) continue;
      for (const SignedChangesStep::Source& source : step.signed_changes->sources) {
        const Node* node = step.signed_changes->links[source.link].node;
        corrections.push_back({node, {source.correction, gradient(places, node->inputs[source.input])}});
      }
    }
    for (BackwardStep& step : backward_steps) {
      for (const auto& [node, sum] : corrections) {
        if (node == step.node) step.sums.push_back(sum);
      }
    }
  }

  void run_forward(ForwardStep& step, const RunTensors& run, Poll* poll = nullptr) const {
    step.workspace.begin(poll);
    primitives::Exec exec{*device, step.workspace};
    step.node->primitive->forward(exec, run.inputs, run.outputs, run.saved);
    carry_over(step.carried);
  }

  void run_backward(BackwardStep& step, Poll* poll = nullptr) const {
    begin_backward(step, poll);
    finish_backward(step);
  }
  /// The node's own rule: its part of the gradients of its inputs.
  void begin_backward(BackwardStep& step, Poll* poll = nullptr) const {
    step.workspace.begin(poll);
    for (const Tensor& t : step.zeros) device->fill(t, 0);
    primitives::Exec exec{*device, step.workspace};
    run_rule(step, exec);
  }
  void finish_backward(BackwardStep& step) const {
    for (const auto& [part, sum] : step.sums) device->add_into(step.workspace, part, sum);
    if (!step.signed_changes) return;
    step.signed_workspace->begin();
    primitives::Exec signed_exec{*device, *step.signed_workspace};
    step.signed_changes->run(signed_exec);
  }

  /// Sum of multipliers * (x - x') of one tensor.
  [[nodiscard]] double contribution(const Tensor& multipliers, const Tensor& x, const Tensor& reference) const {
    const Array m = to_host(*device, multipliers);
    const Array a = to_host(*device, x);
    const Array b = to_host(*device, reference);
    double sum = 0;
    for (std::int64_t i = 0; i < m.size(); ++i) sum += m.at(i) * (a.at(i) - b.at(i));
    return sum;
  }

  NodeResidual audit(BackwardStep& step) const {
    NodeResidual result{step.node, 0};
    for (const Tensor& t : step.zeros) device->fill(t, 0);
    for (std::size_t i = 0; i < step.output_gradients.size(); ++i) {
      result.residual += contribution(step.output_gradients[i], step.run.outputs[i], step.reference.outputs[i]);
    }
    begin_backward(step);
    for (std::size_t i = 0; i < step.input_gradients.size(); ++i) {
      if (step.input_gradients[i].empty()) continue;
      result.residual -= contribution(step.input_gradients[i], step.run.inputs[i], step.reference.inputs[i]);
    }
    finish_backward(step);
    if (!step.signed_changes) return result;
    for (const SignedChangesStep::Source& source : step.signed_changes->sources) {
      const SignedChangesStep::Link& link = step.signed_changes->links[source.link];
      result.residual -=
          contribution(source.correction, link.inputs[source.input], link.reference_inputs[source.input]);
    }
    return result;
  }

  static void run_rule(const BackwardStep& step, primitives::Exec& exec) {
    const RunTensors& x = step.run;
    const RunTensors& r = step.reference;
    switch (step.kind) {
      case BackwardKind::vjp:
        return step.node->primitive->vjp(exec,
                                         {x.inputs, x.outputs, x.saved, step.output_gradients, step.input_gradients});
      case BackwardKind::relevance:
        return step.relevance->run(exec, {x.inputs, x.outputs, x.saved, step.output_gradients, step.input_gradients});
      case BackwardKind::multipliers:
        return step.node->primitive->multipliers(exec, {x.inputs, x.outputs, x.saved, r.inputs, r.outputs, r.saved,
                                                        step.output_gradients, step.input_gradients, step.active});
      case BackwardKind::pass_on:
      case BackwardKind::zero:
        for (const Tensor& t : step.input_gradients) {
          if (t.empty()) continue;
          if (step.kind == BackwardKind::zero) {
            exec.device.fill(t, 0);
          } else {
            exec.device.copy(exec.workspace, step.output_gradients[0], t);
          }
        }
    }
  }
};

Plan::Plan(const Graph& graph, const PlanRequest& request, std::shared_ptr<kernels::Device> device,
           const PlanOptions& options, Poll* poll)
    : impl_(std::make_unique<Impl>(graph, request, std::move(device), options, poll)) {}
Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

const Tensor& Plan::feed(std::size_t i) const { return impl_->feeds.at(i); }
const Tensor& Plan::fetch(std::size_t i) const { return impl_->fetches.at(i); }
const Tensor& Plan::seed(std::size_t i) const { return impl_->seeds.at(i); }
const Tensor& Plan::gradient(std::size_t i) const { return impl_->gradients.at(i); }
std::size_t Plan::gradient_count() const { return impl_->gradients.size(); }
std::size_t Plan::arena_bytes() const { return impl_->arena_bytes + impl_->reference_bytes; }
double Plan::forward_flops() const { return impl_->forward_flops; }
double Plan::backward_flops() const { return impl_->backward_flops; }
const Graph& Plan::graph() const { return impl_->graph; }

const Tensor& Plan::reference_feed(std::size_t i) const { return impl_->reference_feeds.at(i); }
const Tensor& Plan::reference_fetch(std::size_t i) const { return impl_->reference_fetches.at(i); }

void Plan::forward(Poll* poll) {
  carry_over(impl_->carried_feeds);
  for (Impl::ForwardStep& step : impl_->forward_steps) impl_->run_forward(step, step.run, poll);
}

void Plan::forward_reference(Poll* poll) {
  for (Impl::ForwardStep& step : impl_->forward_steps) impl_->run_forward(step, step.reference, poll);
}

void Plan::backward(Poll* poll) {
  for (Impl::BackwardStep& step : impl_->backward_steps) impl_->run_backward(step, poll);
}

std::vector<NodeResidual> Plan::audit() {
  std::vector<NodeResidual> residuals;
  for (Impl::BackwardStep& step : impl_->backward_steps) residuals.push_back(impl_->audit(step));
  return residuals;
}

void Plan::forward(const LookForward& look) {
  carry_over(impl_->carried_feeds);
  for (Impl::ForwardStep& step : impl_->forward_steps) {
    impl_->run_forward(step, step.run);
    look(*step.node, step.run.inputs, step.run.outputs);
  }
}

void Plan::backward(const LookBackward& look) {
  for (Impl::BackwardStep& step : impl_->backward_steps) {
    impl_->run_backward(step);
    look(*step.node, step.input_gradients);
  }
}

}  // namespace mho::engine
