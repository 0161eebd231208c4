// Chooses a memory layout for every value and puts in reorders where neighbours disagree.
#include "engine/layouts.h"

#include <algorithm>
#include <map>

#include "primitives/primitives.h"

namespace mho::engine {

namespace {

using graph::Graph;
using graph::Node;
using graph::ValueId;
using kernels::Layout;
using kernels::TensorType;
using primitives::LayoutRule;

class Chooser {
 public:
  Chooser(Graph& graph, const kernels::Device& device) : graph_(graph), device_(device) {}

  void run() {
    const std::vector<Node> nodes(graph_.nodes().begin(), graph_.nodes().end());
    for (const Node& original : nodes) {
      Node node = original;
      const std::vector<Layout> inputs = wanted(node);
      for (std::size_t i = 0; i < inputs.size(); ++i) node.inputs[i] = in_layout(node.inputs[i], inputs[i]);
      for (const ValueId output : node.outputs) graph_.value(output).type.layout = output_layout_;
      result_.push_back(std::move(node));
    }
    graph_.set_nodes(std::move(result_));
  }

 private:
  [[nodiscard]] const TensorType& type(ValueId id) const { return graph_.value(id).type; }
  [[nodiscard]] bool is_blocked(ValueId id) const { return type(id).layout == Layout::blocked; }

  /// Layouts that the node wants for its inputs; sets output_layout_.
  std::vector<Layout> wanted(const Node& node) {
    std::vector<Layout> inputs(node.inputs.size(), Layout::plain);
    output_layout_ = Layout::plain;
    const Shape& out = type(node.outputs[0]).shape;
    switch (node.primitive->layout_rule()) {
      case LayoutRule::plain:
        break;
      case LayoutRule::spatial:
        inputs[0] = output_layout_ = type(node.inputs[0]).layout;
        break;
      case LayoutRule::convolution: {
        const auto facts = primitives::as_convolution(*node.primitive);
        output_layout_ =
            device_.convolution_layout(facts->attributes, type(node.inputs[0]).shape, type(node.inputs[1]).shape);
        inputs[0] = output_layout_;
        // First layers: a few plain channels are read as they are.
        if (!is_blocked(node.inputs[0]) && type(node.inputs[0]).shape[1] < kernels::kChannelBlock) {
          inputs[0] = Layout::plain;
        }
        if (facts->fusion.residual) inputs.back() = output_layout_;
        break;
      }
      case LayoutRule::elementwise: {
        if (!follows_blocked(node, out)) break;
        output_layout_ = Layout::blocked;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          if (type(node.inputs[i]).shape == out) inputs[i] = Layout::blocked;
        }
        break;
      }
      case LayoutRule::channels: {
        std::vector<TensorType> types;
        for (const ValueId id : node.inputs) types.push_back(type(id));
        const std::vector<TensorType> outputs{type(node.outputs[0])};
        const bool blocked = std::ranges::any_of(node.inputs, [&](ValueId id) { return is_blocked(id); });
        if (blocked && node.primitive->blocked_boundaries(types, outputs)) {
          std::ranges::fill(inputs, Layout::blocked);
          output_layout_ = Layout::blocked;
        }
        break;
      }
    }
    return inputs;
  }

  /// Elementwise on blocked tensors: real throughout, and every other operand per channel or a single element.
  [[nodiscard]] bool follows_blocked(const Node& node, const Shape& out) const {
    bool any = false;
    if (!type(node.outputs[0]).is_real() || out.size() < 3 || out.size() > 5) return false;
    for (const ValueId id : node.inputs) {
      const Shape& shape = type(id).shape;
      if (!type(id).is_real()) return false;
      if (shape == out) {
        any = any || is_blocked(id);
        continue;
      }
      Shape per_channel(out.size(), 1);
      per_channel[1] = out[1];
      if (shape != per_channel && element_count(shape) != 1) return false;
    }
    return any;
  }

  ValueId in_layout(ValueId id, Layout layout) {
    if (type(id).layout == layout) return id;
    const auto [it, inserted] = reordered_.try_emplace({id, layout}, graph::kNoValue);
    if (inserted) {
      TensorType target = type(id);
      target.layout = layout;
      it->second = graph_.add_value(target);
      result_.push_back({primitives::make_reorder(layout), {id}, {it->second}, "", "Reorder"});
    }
    return it->second;
  }

  Graph& graph_;
  const kernels::Device& device_;
  Layout output_layout_ = Layout::plain;
  std::vector<Node> result_;
  std::map<std::pair<ValueId, Layout>, ValueId> reordered_;
};

}  // namespace

void choose_layouts(Graph& graph, const kernels::Device& device) {
  if (device.has_blocked_layout()) Chooser(graph, device).run();
}

}  // namespace mho::engine
