// Where NaN and infinities first arise in a run, in words.
#include "engine/non_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mho::engine {

namespace {

using graph::Node;
using kernels::DType;

/// Calls look(value) for the elements of a real tensor; elements of other types are finite.
void each_element(const Tensor& t, const auto& look) {
  if (t.data == nullptr) return;
  if (t.dtype() == DType::f32) std::ranges::for_each(t.as<float>(), look);
  if (t.dtype() == DType::f64) std::ranges::for_each(t.as<double>(), look);
}

/// Notes the first tensors that have some.
class Search {
 public:
  void look_at(const Tensor& t, const auto& name) {
    bool nan = false, infinity = false;
    each_element(t, [&](auto v) {
      nan = nan || std::isnan(v);
      infinity = infinity || std::isinf(v);
    });
    if (nan && found_.nan.empty()) found_.nan = name();
    if (infinity && found_.infinity.empty()) found_.infinity = name();
  }
  [[nodiscard]] const NonFinite& found() const { return found_; }

 private:
  NonFinite found_;
};

std::string words(const Node& node) {
  const std::string type = node.origin_type.empty() ? std::string(node.primitive->name()) : node.origin_type;
  return node.origin_name.empty() ? fmt::format("a {} node", type)
                                  : fmt::format("{} node '{}'", type, node.origin_name);
}

std::string tensor(const Graph& graph, ValueId id) {
  const std::string& name = graph.value(id).name;
  return name.empty() ? "a tensor" : fmt::format("tensor '{}'", name);
}

}  // namespace

std::string describe(const NonFinite& found) {
  if (found.nan.empty()) return "an infinity arises first in " + found.infinity;
  return "a NaN arises first in " + found.nan +
         (found.infinity.empty() ? "" : ", and infinities arise first in " + found.infinity);
}

NonFinite non_finite_forward(Plan& plan) {
  Search search;
  const Graph& graph = plan.graph();
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    search.look_at(plan.feed(i), [&] { return tensor(graph, graph.inputs()[i]) + ", which is fed"; });
  }
  plan.forward([&](const Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!graph.is_constant(node.inputs[i])) continue;
      search.look_at(inputs[i], [&] {
        const std::string& name = graph.value(node.inputs[i]).name;
        return (name.empty() ? "a constant" : fmt::format("initializer '{}'", name)) + " of " + words(node);
      });
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      search.look_at(outputs[i], [&] { return tensor(graph, node.outputs[i]) + " of " + words(node); });
    }
  });
  return search.found();
}

NonFinite non_finite_backward(Plan& plan) {
  Search search;
  const Graph& graph = plan.graph();
  plan.backward([&](const Node& node, std::span<const Tensor> gradients) {
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      search.look_at(gradients[i], [&] {
        return fmt::format("the gradient that {} passes to {}", words(node), tensor(graph, node.inputs[i]));
      });
    }
  });
  return search.found();
}

}  // namespace mho::engine
