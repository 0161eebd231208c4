// Model: loading, inspection and plain evaluation.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "attribution/setup.h"
#include "attribution/stops.h"
#include "engine/non_finite.h"
#include "engine/plan.h"
#include "engine/slots.h"
#include "primitives/primitives.h"

namespace mho {

using graph::Graph;
using graph::ValueId;

namespace {

Port describe(const Model::Impl& model, const onnx::PortInfo& info) {
  Port port{info.name, info.onnx_type, {}, {}, attribution::has_example_axis(model, info)};
  for (const onnx::Dimension& d : info.shape) {
    port.shape.push_back(d.extent);
    port.symbols.push_back(d.symbol);
  }
  return port;
}

std::vector<Port> describe(const Model::Impl& model, const std::vector<onnx::PortInfo>& infos) {
  std::vector<Port> ports;
  for (const onnx::PortInfo& info : infos) ports.push_back(describe(model, info));
  return ports;
}

std::shared_ptr<Model::Impl> make_impl(std::shared_ptr<const onnx::Model> model, const ModelOptions& options) {
  if (options.threads < 0) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the number of threads is {}; it must be 0 or more", options.threads));
  }
  auto impl = std::make_shared<Model::Impl>();
  impl->onnx = std::move(model);
  impl->options = options;
  const bool bfloat16 = options.precision == Precision::kBfloat16;
  impl->device =
      options.precision == Precision::kDouble
          ? kernels::make_reference_device()
          : kernels::make_cpu_device({.threads = options.threads, .winograd = options.winograd, .bfloat16 = bfloat16});
  impl->device->set_meter(impl->onnx->memory());
  if (bfloat16) {
    ModelOptions single = options;
    single.precision = Precision::kSingle;
    impl->single = make_impl(impl->onnx, single);
  }
  return impl;
}

/// Rows of one example's output in the array of all: the example axis is its leading 1, or is added in front.
Shape stacked(const Shape& one, std::int64_t count) {
  Shape shape = one;
  if (shape.empty() || shape[0] != 1) {
    if (count > 1) shape.insert(shape.begin(), count);
  } else {
    shape[0] = count;
  }
  return shape;
}

}  // namespace

std::shared_ptr<const engine::Network> Model::Impl::network(const engine::ExampleShapes& shapes) const {
  std::string key;
  for (const auto& [name, shape] : shapes.shapes) key += name + to_string(shape) + ";";
  for (const auto& [name, array] : shapes.fixed) {
    key += name + to_string(array.shape()) + "=";
    for (const std::byte b : array.bytes()) key += static_cast<char>(b);
  }
  constexpr std::size_t kMostKept = 8;
  const std::scoped_lock lock(mutex);
  const auto known = std::ranges::find(networks, key, [](const auto& entry) { return entry.first; });
  if (known != networks.end()) {
    networks.splice(networks.begin(), networks, known);
  } else {
    networks.emplace_front(std::move(key), std::make_shared<const engine::Network>(onnx, shapes, device,
                                                                                   single ? single->device : nullptr));
    if (networks.size() > kMostKept) networks.pop_back();
  }
  return networks.front().second;
}

Model::Model(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Model Model::load(const std::filesystem::path& path, const ModelOptions& options) {
  return Model(make_impl(std::make_shared<const onnx::Model>(onnx::Model::load(path, options.limits)), options));
}

Model Model::parse(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                   const ModelOptions& options) {
  return Model(
      make_impl(std::make_shared<const onnx::Model>(onnx::Model::parse(bytes, directory, options.limits)), options));
}

Model Model::with_options(const ModelOptions& options) const {
  ModelOptions merged = options;
  merged.limits = impl_->options.limits;
  return Model(make_impl(impl_->onnx, merged));
}

std::vector<Port> Model::inputs() const { return describe(*impl_, impl_->onnx->inputs()); }
std::vector<Port> Model::outputs() const { return describe(*impl_, impl_->onnx->outputs()); }
std::string Model::sha256() const { return impl_->onnx->sha256(); }

Inspection Model::inspect(const InspectOptions& options) const {
  const onnx::Model& model = *impl_->onnx;
  Inspection facts;
  facts.producer = model.producer();
  facts.ir_version = model.ir_version();
  facts.opset = model.opset();
  facts.onnx_nodes = model.node_count();
  facts.parameters = model.parameter_count();
  facts.sha256 = model.sha256();
  facts.inputs = inputs();
  facts.outputs = outputs();

  attribution::Examples examples;
  if (options.inputs.empty()) {
    examples.shapes = attribution::declared_shapes(*impl_, options.input_shapes);
  } else {
    examples = attribution::prepare_inputs(*impl_, options.inputs);
  }
  const auto network = attribution::network_of(*impl_, examples);
  const auto graph = network->graph(1);
  facts.primitives = graph->nodes().size();
  const attribution::TargetTensor target = attribution::find_target(*graph, options.output, options.probability);
  facts.target = target.name;
  facts.target_note = target.note;
  facts.batched = network->batching().allowed;
  facts.batching = network->batching().reason;
  const std::vector<ValueId> moving = attribution::find_sources(*graph, options.at).all();
  for (const ValueId id : moving) facts.path.push_back(graph->value(id).name);
  facts.gradient_stops = attribution::find_stops(*graph, moving, target.value);
  const graph::Analysis analysis = graph::analyze(*graph, moving, target.value);
  for (const attribution::LayerChoice& choice : attribution::all_layers(*graph, analysis)) {
    const ValueId id = graph->find(choice.name);
    facts.layers.push_back({choice.name, choice.node, choice.op, graph->value(id).type.shape, choice.cut,
                            analysis.affine_from_input[static_cast<std::size_t>(id)], choice.affine_to_target});
  }
  return facts;
}

namespace {

/// Runs the example node by node, as the model was exported.
[[noreturn]] void refuse_nan(const engine::Network& network, const attribution::Examples& examples,
                             std::int64_t example, const std::string& output) {
  const auto graph = network.graph(1);
  const std::vector<ValueId> feeds(graph->inputs().begin(), graph->inputs().end());
  const std::vector<ValueId> fetches(graph->outputs().begin(), graph->outputs().end());
  engine::Plan plan(*graph, {feeds, fetches, {}, {}}, network.device(), {.optimize = false});
  for (std::size_t i = 0; i < feeds.size(); ++i) {
    engine::from_host(*network.device(), examples.example(graph->value(feeds[i]).name, example), plan.feed(i));
  }
  const engine::NonFinite found = engine::non_finite_forward(plan);
  throw Error(Code::kNumeric, fmt::format("output '{}' of example {} is not a number{}{}", output, example,
                                          found.any() ? ": " : "", found.any() ? engine::describe(found) : ""));
}

}  // namespace

std::map<std::string, Array, std::less<>> Model::run(const Inputs& inputs) const {
  attribution::Examples examples = attribution::prepare_inputs(*impl_, inputs);
  const auto network = attribution::network_of(*impl_, examples);
  constexpr std::int64_t kMostAtOnce = 16;
  const std::int64_t batch = network->batching().allowed ? std::min(kMostAtOnce, examples.count) : 1;
  const auto one = network->graph(1);
  const auto graph = network->graph(batch);
  const std::vector<ValueId> feeds(graph->inputs().begin(), graph->inputs().end());
  const std::vector<ValueId> fetches(graph->outputs().begin(), graph->outputs().end());
  engine::Plan plan(*graph, {feeds, fetches, {}, {}}, network->device());
  kernels::Device& device = *network->device();

  kernels::MemoryShare counted(impl_->onnx->memory());
  std::map<std::string, Array, std::less<>> outputs;
  std::vector<Array*> arrays;
  for (std::size_t o = 0; o < impl_->onnx->outputs().size(); ++o) {
    const auto& type = one->value(one->outputs()[o]).type;
    const DType dtype = type.is_real() ? device.real() : type.dtype;
    const Shape shape = stacked(type.shape, examples.count);
    counted.take(element_count(shape) * static_cast<std::int64_t>(size_of(dtype)), "the outputs");
    arrays.push_back(&outputs.emplace(impl_->onnx->outputs()[o].name, Array(dtype, shape)).first->second);
  }
  for (std::int64_t first = 0; first < examples.count; first += batch) {
    const std::int64_t here = std::min(batch, examples.count - first);
    for (std::int64_t b = 0; b < here; ++b) {
      for (std::size_t i = 0; i < feeds.size(); ++i) {
        engine::from_host(device, examples.example(graph->value(feeds[i]).name, first + b),
                          engine::slot_of(plan.feed(i), b, batch));
      }
    }
    plan.forward();
    for (std::int64_t b = 0; b < here; ++b) {
      for (std::size_t o = 0; o < fetches.size(); ++o) {
        const Array all = engine::to_host(device, engine::slot_of(plan.fetch(o), b, batch));
        for (std::int64_t i = 0; i < all.size(); ++i) {
          if (std::isnan(all.at(i))) refuse_nan(*network, examples, first + b, impl_->onnx->outputs()[o].name);
        }
        const Array value = all.to(arrays[o]->dtype());
        std::ranges::copy(
            value.bytes(),
            arrays[o]->bytes().subspan(static_cast<std::size_t>(first + b) * value.bytes().size()).begin());
      }
    }
  }
  return outputs;
}

std::vector<OperatorRow> operator_table() {
  std::vector<OperatorRow> rows;
  for (const onnx::OperatorFacts& facts : onnx::supported_operators()) {
    rows.push_back({facts.domain.empty() ? facts.type : facts.domain + ":" + facts.type, facts.since, facts.conformance,
                    facts.gradient, facts.rule});
  }
  return rows;
}

std::vector<PrimitiveRow> primitive_table() {
  std::vector<PrimitiveRow> rows;
  for (const primitives::PrimitiveFacts& facts : primitives::all_primitives()) {
    rows.push_back({std::string(facts.name), std::string(facts.affine), std::string(facts.rule)});
  }
  return rows;
}

bool has_bfloat16() { return kernels::cpu_has_bfloat16(); }

std::string version() { return MHO_VERSION; }

}  // namespace mho
