// Scatter, ScatterElements, ScatterND: all reductions, several updates for one element, indices that are constants or
// inputs, updates that move.
#include "support/operator_cases.h"

namespace mho::testing::ops {

namespace {

void give_indices(OperatorCase& one, bool constant, const Shape& shape, const std::vector<std::int64_t>& values) {
  if (constant) {
    one.model.integers("i", shape, values);
  } else {
    one.model.input("i", extents_of(shape), ::onnx::TensorProto::INT64);
    one.values.emplace("i", Array(shape, values));
  }
}

OperatorCase elements_case(Draw& draw, const std::string& type, const std::string& reduction, bool constant) {
  const Shape shape = draw.shape(2, 1, 4);
  const std::int64_t axis = draw.integer(0, 1);
  Shape updates = shape;
  for (std::int64_t& extent : updates) extent = draw.integer(1, extent);
  updates[static_cast<std::size_t>(axis)] = draw.integer(1, 5);
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  OperatorCase one{type + " " + reduction, model_of_x(shape, type == "Scatter" ? 9 : reduction.empty() ? 11 : 18)};
  give_indices(one, constant, updates, draw.integers(updates, type == "Scatter" ? 0 : -extent, extent - 1));
  one.model.input("u", extents_of(updates));
  NodeHandle node = one.model.node(type, {"x", "i", "u"}, {"y"}).with("axis", axis);
  if (!reduction.empty()) node.with("reduction", reduction);
  return one;
}

OperatorCase slices_case(Draw& draw, const std::string& reduction, bool constant) {
  const Shape shape = draw.shape(3, 1, 3);
  const std::int64_t depth = draw.integer(1, 3);
  const Shape indices{draw.integer(1, 4), depth};
  std::vector<std::int64_t> values;
  for (std::int64_t k = 0; k < indices[0]; ++k) {
    for (std::int64_t i = 0; i < depth; ++i) {
      const std::int64_t extent = shape[static_cast<std::size_t>(i)];
      values.push_back(draw.integer(-extent, extent - 1));
    }
  }
  Shape updates{indices[0]};
  updates.insert(updates.end(), shape.begin() + depth, shape.end());
  OperatorCase one{"ScatterND " + reduction, model_of_x(shape, reduction.empty() ? 13 : 18)};
  give_indices(one, constant, indices, values);
  one.model.input("u", extents_of(updates));
  NodeHandle node = one.model.node("ScatterND", {"x", "i", "u"}, {"y"});
  if (!reduction.empty()) node.with("reduction", reduction);
  return one;
}

}  // namespace

OperatorCases scatter_cases(Draw& draw) {
  OperatorCases cases;
  cases.push_back(elements_case(draw, "Scatter", "", true));
  for (const char* reduction : {"", "none", "add", "mul", "max", "min"}) {
    cases.push_back(elements_case(draw, "ScatterElements", reduction, true));
    cases.push_back(slices_case(draw, reduction, true));
  }
  for (const char* reduction : {"", "add"}) {
    cases.push_back(elements_case(draw, "ScatterElements", reduction, false));
    cases.push_back(slices_case(draw, reduction, false));
  }
  return cases;
}

}  // namespace mho::testing::ops
