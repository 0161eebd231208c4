// Builds a Plan: prune, rewrite, order the backward pass, find lifetimes, lay out the arena; and runs it.
#include "engine/plan.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "engine/arena.h"
#include "engine/layouts.h"
#include "graph/evaluate.h"
#include "graph/passes/passes.h"
#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Constant;
using graph::kReal;
using graph::Node;
using kernels::TensorType;
using kernels::Workspace;
using primitives::Positions;

constexpr std::int64_t kAlways = std::int64_t{1} << 40;
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

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
  };
  // One node of the backward pass. `sums` are gradients that go through a temporary because they are not the first.
  struct BackwardStep {
    const Node* node;
    RunTensors run, reference;
    std::vector<Tensor> output_gradients, input_gradients;
    std::vector<std::pair<Tensor, Tensor>> sums;
    std::vector<Tensor> zeros;  // cotangents of outputs that nothing downstream uses
    Positions active;           // inputs that may differ from the reference
    Workspace workspace;
  };
  // A place in the arena shared by all tensors that are views of each other.
  struct Buffer {
    Lifetime lifetime;
  };

  Graph graph;
  PlanRequest request;
  std::shared_ptr<kernels::Device> device;
  kernels::Scratch scratch;
  // The reference has an arena of its own, laid out like the other.
  std::unique_ptr<std::byte[], AlignedDelete> arena, reference_arena;
  std::size_t arena_bytes = 0;
  std::vector<Constant> constants;  // in the device's real type, by value id
  std::vector<ForwardStep> forward_steps;
  std::vector<BackwardStep> backward_steps;
  std::vector<Tensor> feeds, fetches, seeds, gradients, reference_feeds, reference_fetches;
  double forward_flops = 0;
  double backward_flops = 0;

  // --- construction ---
  std::vector<Buffer> buffers;
  std::vector<std::size_t> value_buffer, gradient_buffer;
  std::vector<std::vector<std::size_t>> saved_buffers;  // by node
  std::vector<bool> has_gradient;
  std::vector<bool> moves;  // differs from the reference

  Impl(const Graph& source, const PlanRequest& wanted, std::shared_ptr<kernels::Device> on, const PlanOptions& options)
      : graph(source), request(wanted), device(std::move(on)) {
    std::vector<ValueId> keep = request.fetches;
    keep.insert(keep.end(), request.seeds.begin(), request.seeds.end());
    keep.insert(keep.end(), request.gradients.begin(), request.gradients.end());
    graph::cut_at(graph, request.feeds);
    graph.set_outputs(keep);
    graph::remove_dead(graph, keep);
    check_reachable();
    if (options.optimize) optimize(keep, options.disabled_passes);
    mark_moving();
    plan_forward();
    plan_backward(options.repeat_backward);
    allocate();
  }

  void optimize(const std::vector<ValueId>& keep, std::vector<std::string> disabled) {
    const bool layouts = std::erase(disabled, "choose_layouts") == 0;
    // A rule for ReLU needs its input.
    if (multipliers()) disabled.emplace_back("fuse_relu");
    graph::run_passes(graph, keep, disabled);
    if (!layouts) return;
    choose_layouts(graph, *device);
    graph.verify();
  }

  [[nodiscard]] bool multipliers() const { return !request.moving.empty(); }
  [[nodiscard]] std::size_t node_count() const { return graph.nodes().size(); }
  [[nodiscard]] std::int64_t backward_time(std::size_t node) const {
    return static_cast<std::int64_t>(2 * node_count() - node);
  }

  [[nodiscard]] TensorType device_type(const TensorType& type) const {
    TensorType result = type;
    if (result.dtype == kReal) result.dtype = device->real();
    return result;
  }

  std::size_t new_buffer(const TensorType& type, std::int64_t first, std::int64_t last) {
    buffers.push_back({{device_type(type).bytes(), first, last}});
    return buffers.size() - 1;
  }
  void extend(std::size_t buffer, std::int64_t time) {
    Lifetime& life = buffers[buffer].lifetime;
    life.first = std::min(life.first, time);
    life.last = std::max(life.last, time);
  }

  void check_reachable() const {
    std::vector<bool> known(graph.value_count(), false);
    for (const ValueId id : request.feeds) known[index(id)] = true;
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

  void plan_forward() {
    value_buffer.assign(graph.value_count(), kNone);
    saved_buffers.resize(node_count());
    for (const ValueId id : request.feeds) value_buffer[index(id)] = new_buffer(graph.value(id).type, -1, 0);
    for (std::size_t n = 0; n < node_count(); ++n) {
      const Node& node = graph.node(static_cast<graph::NodeId>(n));
      const auto time = static_cast<std::int64_t>(n);
      for (const ValueId id : node.inputs) {
        if (value_buffer[index(id)] != kNone) extend(value_buffer[index(id)], time);
      }
      const bool view = node.primitive->is_view() && value_buffer[index(node.inputs[0])] != kNone;
      std::vector<TensorType> inputs, outputs;
      for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).type);
      for (const ValueId id : node.outputs) {
        outputs.push_back(graph.value(id).type);
        value_buffer[index(id)] = view ? value_buffer[index(node.inputs[0])] : new_buffer(outputs.back(), time, time);
      }
      for (const TensorType& type : node.primitive->saved(inputs, outputs)) {
        saved_buffers[n].push_back(new_buffer(type, time, time));
      }
      forward_flops += node.primitive->flops(inputs, outputs);
    }
    for (const auto* list : {&request.fetches, &request.seeds}) {
      for (const ValueId id : *list) {
        if (value_buffer[index(id)] != kNone) extend(value_buffer[index(id)], kAlways);
      }
    }
  }

  void mark_moving() {
    moves.assign(graph.value_count(), false);
    for (const ValueId id : request.moving) moves[index(id)] = true;
    for (const Node& node : graph.nodes()) {
      if (!std::ranges::any_of(node.inputs, [&](ValueId id) { return moves[index(id)]; })) continue;
      for (const ValueId id : node.outputs) moves[index(id)] = true;
    }
  }

  [[nodiscard]] Positions active_inputs(const Node& node) const {
    Positions active;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (moves[index(node.inputs[i])]) active.add(i);
    }
    return active;
  }

  /// Gradients pass over differentiable nodes between real values; multipliers over everything that moves.
  [[nodiscard]] bool passes_gradients(const Node& node) const {
    return multipliers() ? !active_inputs(node).empty() : node.primitive->differentiable();
  }
  [[nodiscard]] bool may_have_gradient(ValueId id) const {
    return multipliers() ? moves[index(id)] : graph.value(id).type.is_real();
  }
  [[nodiscard]] TensorType gradient_type(ValueId id) const {
    TensorType type = graph.value(id).type;
    type.dtype = kReal;
    return type;
  }

  /// Which values get a gradient: those between a wanted gradient and a seed, over differentiable nodes.
  void mark_gradients() {
    std::vector<bool> from_wanted(graph.value_count(), false);
    std::vector<bool> to_seed(graph.value_count(), false);
    for (const ValueId id : request.gradients) from_wanted[index(id)] = true;
    for (const ValueId id : request.seeds) to_seed[index(id)] = true;
    for (const Node& node : graph.nodes()) {
      if (!passes_gradients(node)) continue;
      const bool any = std::ranges::any_of(node.inputs, [&](ValueId id) { return from_wanted[index(id)]; });
      for (const ValueId id : node.outputs) {
        if (any && may_have_gradient(id)) from_wanted[index(id)] = true;
      }
    }
    for (std::size_t n = node_count(); n-- > 0;) {
      const Node& node = graph.node(static_cast<graph::NodeId>(n));
      if (!passes_gradients(node)) continue;
      const bool any = std::ranges::any_of(node.outputs, [&](ValueId id) { return to_seed[index(id)]; });
      for (const ValueId id : node.inputs) {
        if (any && may_have_gradient(id)) to_seed[index(id)] = true;
      }
    }
    has_gradient.assign(graph.value_count(), false);
    for (std::size_t i = 0; i < has_gradient.size(); ++i) has_gradient[i] = from_wanted[i] && to_seed[i];
  }

  /// The cotangent of output 0 is, unchanged, the gradient of this input.
  [[nodiscard]] bool passes_through(const Node& node, std::size_t input) const {
    if (node.primitive->is_view()) return true;
    const auto binary = primitives::as_binary(*node.primitive);
    const bool additive = binary == kernels::Binary::add || (binary == kernels::Binary::sub && input == 0);
    return additive && graph.value(node.inputs[input]).type == graph.value(node.outputs[0]).type;
  }

  [[nodiscard]] Positions wanted_inputs(const Node& node) const {
    Positions wanted;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (has_gradient[index(node.inputs[i])]) wanted.add(i);
    }
    return wanted;
  }

  [[nodiscard]] bool runs_backward(const Node& node) const {
    if (!passes_gradients(node)) return false;
    const auto has = [&](ValueId id) { return has_gradient[index(id)]; };
    return std::ranges::any_of(node.outputs, has) && std::ranges::any_of(node.inputs, has);
  }

  // What the backward pass of each node needs beyond the buffers of values and gradients.
  struct BackwardNeeds {
    std::vector<std::size_t> input_buffers;  // kNone: not wanted
    std::vector<bool> is_sum;
    std::vector<std::size_t> zero_buffers;  // by output; kNone: has a gradient
  };
  std::vector<BackwardNeeds> needs;

  void plan_backward(bool repeatedly) {
    mark_gradients();
    gradient_buffer.assign(graph.value_count(), kNone);
    needs.resize(node_count());
    std::vector<int> contributions(graph.value_count(), 0);
    for (const ValueId id : request.seeds) {
      // The caller writes cotangents before forward(), so they live from the start.
      if (gradient_buffer[index(id)] == kNone) gradient_buffer[index(id)] = new_buffer(gradient_type(id), -1, kAlways);
      ++contributions[index(id)];
    }
    for (const Node& node : graph.nodes()) {
      if (!runs_backward(node)) continue;
      for (const ValueId id : node.inputs) contributions[index(id)] += has_gradient[index(id)] ? 1 : 0;
    }
    for (std::size_t n = node_count(); n-- > 0;) {
      const Node& node = graph.node(static_cast<graph::NodeId>(n));
      if (!runs_backward(node)) continue;
      const std::int64_t time = backward_time(n);
      BackwardNeeds& need = needs[n];
      for (const ValueId id : node.outputs) {
        const bool known = gradient_buffer[index(id)] != kNone;
        if (known) extend(gradient_buffer[index(id)], time);
        need.zero_buffers.push_back(known ? kNone : new_buffer(gradient_type(id), time, time));
      }
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const ValueId id = node.inputs[i];
        std::size_t& buffer = gradient_buffer[index(id)];
        need.is_sum.push_back(false);
        if (!has_gradient[index(id)]) {
          need.input_buffers.push_back(kNone);
        } else if (buffer != kNone) {
          extend(buffer, time);
          need.is_sum.back() = true;
          need.input_buffers.push_back(new_buffer(gradient_type(id), time, time));
        } else {
          const std::size_t cotangent = gradient_buffer[index(node.outputs[0])];
          const bool share = contributions[index(id)] == 1 && cotangent != kNone && passes_through(node, i);
          buffer = share ? cotangent : new_buffer(gradient_type(id), time, time);
          need.input_buffers.push_back(buffer);
        }
      }
      extend_reads(n, repeatedly ? kAlways : time);
    }
    for (const ValueId id : request.gradients) {
      std::size_t& buffer = gradient_buffer[index(id)];
      // No seed depends on it: nobody else ever writes there, so the arena's zeros stay.
      if (buffer == kNone) buffer = new_buffer(gradient_type(id), -1, kAlways);
      extend(buffer, kAlways);
    }
  }

  [[nodiscard]] primitives::BackwardReads backward_reads(const Node& node) const {
    const Positions wanted = wanted_inputs(node);
    if (!multipliers()) return node.primitive->backward_reads(wanted);
    const Positions active = active_inputs(node);
    if (node.primitive->delta_rule(active) == primitives::DeltaRule::none) {
      throw Error(Code::kUnsupported,
                  fmt::format("node '{}' ({}): DeepLIFT has no rule for {} where these of its inputs depend on the "
                              "model's input; choose layers behind it, or nig, which needs gradients only",
                              node.origin_name, node.origin_type, node.primitive->name()));
    }
    return node.primitive->multiplier_reads(active, wanted);
  }

  /// Keeps alive what the backward pass of node n reads.
  void extend_reads(std::size_t n, std::int64_t time) {
    const Node& node = graph.node(static_cast<graph::NodeId>(n));
    const primitives::BackwardReads reads = backward_reads(node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const std::size_t buffer = value_buffer[index(node.inputs[i])];
      if (reads.inputs.has(i) && buffer != kNone) extend(buffer, time);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (reads.outputs.has(i)) extend(value_buffer[index(node.outputs[i])], time);
    }
    for (const std::size_t buffer : saved_buffers[n]) extend(buffer, time);
  }

  void allocate() {
    std::vector<Lifetime> lifetimes;
    for (const Buffer& buffer : buffers) lifetimes.push_back(buffer.lifetime);
    const ArenaLayout layout = lay_out(lifetimes);
    arena_bytes = layout.bytes;
    arena = zeros(arena_bytes);
    if (multipliers()) reference_arena = zeros(arena_bytes);
    constants.resize(graph.value_count());

    const auto at = [&](std::size_t buffer, const TensorType& type) {
      return Tensor{device_type(type), arena.get() + layout.offsets[buffer], false};
    };
    const auto value = [&](ValueId id) -> Tensor {
      if (value_buffer[index(id)] != kNone) return at(value_buffer[index(id)], graph.value(id).type);
      Constant& constant = constants[index(id)];
      if (!constant.data) constant = graph::with_real_type(*graph.value(id).constant, device->real());
      return constant.view();
    };
    const auto gradient = [&](ValueId id) { return at(gradient_buffer[index(id)], gradient_type(id)); };

    std::vector<std::vector<Tensor>> saved(node_count());
    for (std::size_t n = 0; n < node_count(); ++n) {
      const Node& node = graph.node(static_cast<graph::NodeId>(n));
      ForwardStep step{&node, {}, {}, Workspace(scratch)};
      std::vector<TensorType> inputs, outputs;
      for (const ValueId id : node.inputs) {
        step.run.inputs.push_back(value(id));
        inputs.push_back(graph.value(id).type);
      }
      for (const ValueId id : node.outputs) {
        step.run.outputs.push_back(value(id));
        outputs.push_back(graph.value(id).type);
      }
      const std::vector<TensorType> saved_types = node.primitive->saved(inputs, outputs);
      for (std::size_t i = 0; i < saved_types.size(); ++i) saved[n].push_back(at(saved_buffers[n][i], saved_types[i]));
      step.run.saved = saved[n];
      if (multipliers()) step.reference = at_reference(step.run);
      forward_steps.push_back(std::move(step));
    }
    for (std::size_t n = node_count(); n-- > 0;) {
      const Node& node = graph.node(static_cast<graph::NodeId>(n));
      if (runs_backward(node)) backward_steps.push_back(backward_step(n, node, saved[n], value, gradient, at));
    }
    for (const ValueId id : request.feeds) feeds.push_back(value(id));
    for (const ValueId id : request.fetches) fetches.push_back(value(id));
    for (const ValueId id : request.seeds) seeds.push_back(gradient(id));
    for (const ValueId id : request.gradients) gradients.push_back(gradient(id));
    if (!multipliers()) return;
    reference_feeds = at_reference(feeds);
    reference_fetches = at_reference(fetches);
  }

  static std::unique_ptr<std::byte[], AlignedDelete> zeros(std::size_t bytes) {
    bytes = std::max<std::size_t>(bytes, 64);
    std::unique_ptr<std::byte[], AlignedDelete> memory(
        static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64})));
    std::fill_n(memory.get(), bytes, std::byte{0});
    return memory;
  }

  /// The same tensors in the reference's arena; constants are shared.
  [[nodiscard]] std::vector<Tensor> at_reference(std::vector<Tensor> tensors) const {
    for (Tensor& t : tensors) {
      const auto* data = static_cast<const std::byte*>(t.data);
      const std::less<const std::byte*> before;
      if (data == nullptr || before(data, arena.get()) ||
          !before(data, arena.get() + std::max<std::size_t>(arena_bytes, 64)))
        continue;
      t.data = reference_arena.get() + (data - arena.get());
    }
    return tensors;
  }
  [[nodiscard]] RunTensors at_reference(const RunTensors& run) const {
    return {at_reference(run.inputs), at_reference(run.outputs), at_reference(run.saved)};
  }

  template <class ValueOf, class GradientOf, class At>
  BackwardStep backward_step(std::size_t n, const Node& node, const std::vector<Tensor>& saved, const ValueOf& value,
                             const GradientOf& gradient, const At& at) {
    BackwardStep step{&node, {{}, {}, saved}, {}, {}, {}, {}, {}, active_inputs(node), Workspace(scratch)};
    const primitives::BackwardReads reads = backward_reads(node);
    const BackwardNeeds& need = needs[n];
    std::vector<TensorType> inputs, outputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      const TensorType& type = graph.value(id).type;
      inputs.push_back(type);
      step.run.inputs.push_back(reads.inputs.has(i) ? value(id) : Tensor{device_type(type), nullptr, false});
      if (need.input_buffers[i] == kNone) {
        step.input_gradients.push_back({device_type(gradient_type(id)), nullptr, false});
        continue;
      }
      step.input_gradients.push_back(at(need.input_buffers[i], gradient_type(id)));
      if (need.is_sum[i]) step.sums.emplace_back(step.input_gradients.back(), gradient(id));
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId id = node.outputs[i];
      const TensorType& type = graph.value(id).type;
      outputs.push_back(type);
      step.run.outputs.push_back(reads.outputs.has(i) ? value(id) : Tensor{device_type(type), nullptr, false});
      if (need.zero_buffers[i] != kNone) {
        step.zeros.push_back(at(need.zero_buffers[i], gradient_type(id)));
        step.output_gradients.push_back(step.zeros.back());
      } else {
        step.output_gradients.push_back(gradient(id));
      }
    }
    if (multipliers()) step.reference = at_reference(step.run);
    backward_flops += node.primitive->flops(inputs, outputs);
    return step;
  }

  void run_forward(ForwardStep& step, const RunTensors& run) const {
    step.workspace.begin();
    primitives::Exec exec{*device, step.workspace};
    step.node->primitive->forward(exec, run.inputs, run.outputs, run.saved);
  }

  void run_backward(BackwardStep& step) const {
    step.workspace.begin();
    for (const Tensor& t : step.zeros) device->fill(t, 0);
    primitives::Exec exec{*device, step.workspace};
    const RunTensors& x = step.run;
    const RunTensors& r = step.reference;
    if (multipliers()) {
      step.node->primitive->multipliers(exec, {x.inputs, x.outputs, x.saved, r.inputs, r.outputs, r.saved,
                                               step.output_gradients, step.input_gradients, step.active});
    } else {
      step.node->primitive->vjp(exec, {x.inputs, x.outputs, x.saved, step.output_gradients, step.input_gradients});
    }
    for (const auto& [part, sum] : step.sums) device->add_into(step.workspace, part, sum);
  }
};

Plan::Plan(const Graph& graph, const PlanRequest& request, std::shared_ptr<kernels::Device> device,
           const PlanOptions& options)
    : impl_(std::make_unique<Impl>(graph, request, std::move(device), options)) {}
Plan::~Plan() = default;
Plan::Plan(Plan&&) noexcept = default;
Plan& Plan::operator=(Plan&&) noexcept = default;

const Tensor& Plan::feed(std::size_t i) const { return impl_->feeds.at(i); }
const Tensor& Plan::fetch(std::size_t i) const { return impl_->fetches.at(i); }
const Tensor& Plan::seed(std::size_t i) const { return impl_->seeds.at(i); }
const Tensor& Plan::gradient(std::size_t i) const { return impl_->gradients.at(i); }
std::size_t Plan::gradient_count() const { return impl_->gradients.size(); }
std::size_t Plan::arena_bytes() const { return impl_->arena_bytes * (impl_->multipliers() ? 2 : 1); }
double Plan::forward_flops() const { return impl_->forward_flops; }
double Plan::backward_flops() const { return impl_->backward_flops; }
const Graph& Plan::graph() const { return impl_->graph; }

const Tensor& Plan::reference_feed(std::size_t i) const { return impl_->reference_feeds.at(i); }
const Tensor& Plan::reference_fetch(std::size_t i) const { return impl_->reference_fetches.at(i); }

void Plan::forward() {
  for (Impl::ForwardStep& step : impl_->forward_steps) impl_->run_forward(step, step.run);
}

void Plan::forward_reference() {
  for (Impl::ForwardStep& step : impl_->forward_steps) impl_->run_forward(step, step.reference);
}

void Plan::backward() {
  for (Impl::BackwardStep& step : impl_->backward_steps) impl_->run_backward(step);
}

std::string Plan::first_non_finite() {
  const auto finite = [](const Tensor& t) {
    const auto all = [](auto values) { return std::ranges::all_of(values, [](auto v) { return std::isfinite(v); }); };
    if (t.dtype() == kernels::DType::f32) return all(t.as<float>());
    return t.dtype() != kernels::DType::f64 || all(t.as<double>());
  };
  for (std::size_t i = 0; i < impl_->feeds.size(); ++i) {
    if (!finite(impl_->feeds[i])) return impl_->graph.value(impl_->request.feeds[i]).name;
  }
  for (Impl::ForwardStep& step : impl_->forward_steps) {
    impl_->run_forward(step, step.run);
    if (std::ranges::all_of(step.run.outputs, finite)) continue;
    const std::string& name = impl_->graph.value(step.node->outputs[0]).name;
    return name.empty() ? fmt::format("{} ({})", step.node->origin_name, step.node->primitive->name()) : name;
  }
  return {};
}

}  // namespace mho::engine
