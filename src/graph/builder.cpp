// Building a graph: nodes are appended, constants are evaluated at once.
#include "graph/builder.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <array>

#include "graph/evaluate.h"
#include "kernels/limit_names.h"

namespace mho::graph {

namespace {

template <class To>
std::vector<To> convert(const Constant& constant) {
  const auto copy = [](auto elements) {
    std::vector<To> result(elements.size());
    std::ranges::transform(elements, result.begin(), [](auto v) { return static_cast<To>(v); });
    return result;
  };
  switch (constant.type.dtype) {
    case DType::f32:
      return copy(constant.as<float>());
    case DType::f64:
      return copy(constant.as<double>());
    case DType::i64:
      return copy(constant.as<std::int64_t>());
    case DType::i32:
      return copy(constant.as<std::int32_t>());
    case DType::b8:
      return copy(constant.as<bool>());
  }
  return {};
}

}  // namespace

Builder::Builder(const Limits& limits, std::shared_ptr<kernels::MemoryMeter> meter)
    : limits_(limits),
      meter_(std::move(meter)),
      memory_(std::make_shared<kernels::MemoryShare>(meter_)),
      device_(kernels::make_reference_device()) {}
Builder::~Builder() = default;

ValueId Builder::input(std::string name, TensorType type) { return graph_.add_input(std::move(name), std::move(type)); }

ValueId Builder::constant(Constant constant, std::string name) {
  return graph_.add_constant(std::move(name), std::move(constant));
}

ValueId Builder::scalar(double value) { return reals({}, {value}); }

ValueId Builder::reals(Shape shape, std::vector<double> values) {
  charge("the model", std::array{TensorType{DType::f64, shape}});
  return constant(Constant::from(Array(std::move(shape), values)));
}

ValueId Builder::integers(Shape shape, std::vector<std::int64_t> values) {
  charge("the model", std::array{TensorType{DType::i64, shape}});
  return constant(Constant::from(Array(std::move(shape), values)));
}

void Builder::charge(std::string_view maker, std::span<const TensorType> types) {
  for (const TensorType& type : types) {
    const std::int64_t elements = type.elements();
    if (elements > limits_.tensor_elements) {
      throw kernels::over_limit(
          fmt::format("{} computes a constant of shape {}: {} elements", maker, to_string(type.shape), elements),
          limits_.tensor_elements, kernels::kTensorLimit);
    }
    // element_count() leaves room for some hundred more; the sum stays below 2^57 since it is checked each time.
    total_elements_ += elements;
    if (total_elements_ > limits_.constant_elements) {
      throw kernels::over_limit(
          fmt::format("with {}, computed constants have together {} elements", maker, total_elements_),
          limits_.constant_elements, kernels::kConstantLimit);
    }
    work(elements);
    memory_->take(elements * static_cast<std::int64_t>(size_of(type.dtype)), maker);
  }
}

void Builder::expect(std::int64_t elements) const {
  if (elements > limits_.constant_elements - total_elements_) {
    throw kernels::over_limit(
        fmt::format("a list of {} elements is needed beside constants of {}", elements, total_elements_),
        limits_.constant_elements, kernels::kConstantLimit);
  }
  kernels::MemoryShare(meter_).take(elements * static_cast<std::int64_t>(sizeof(std::int64_t)), "a list of positions");
}

void Builder::work(std::int64_t steps) const {
  if (steps <= limits_.work - work_) {
    work_ += steps;
    return;
  }
  throw kernels::over_limit(
      fmt::format("computing shapes and constants takes {:.6g} steps or more (fold constants when exporting the model)",
                  static_cast<double>(work_) + static_cast<double>(steps)),
      limits_.work, kernels::kWorkLimit);
}

std::vector<ValueId> Builder::apply(PrimitivePtr primitive, std::vector<ValueId> inputs) {
  if (++applied_ > limits_.primitives) {
    throw kernels::over_limit(
        fmt::format("the model becomes {} primitives or more when its recurrences and loops are unrolled", applied_),
        limits_.primitives, kernels::kPrimitiveLimit);
  }
  work(static_cast<std::int64_t>(inputs.size()));
  const bool foldable = std::ranges::all_of(inputs, [&](ValueId id) { return is_constant(id); });
  if (!foldable) return graph_.add_node(std::move(primitive), std::move(inputs), origin_name_, origin_type_);

  std::vector<Constant> constants;
  std::vector<TensorType> types;
  for (const ValueId id : inputs) {
    constants.push_back(*graph_.value(id).constant);
    types.push_back(type(id));
  }
  const std::vector<TensorType> results = primitive->infer(types);
  charge(primitive->name(), results);
  // Inputs are converted whole, however little is read of them.
  for (const TensorType& type : types) work(type.elements());
  constexpr double kMostCounted = 1e18;
  work(static_cast<std::int64_t>(std::min(primitive->flops(types, results), kMostCounted)));
  std::vector<ValueId> outputs;
  for (Constant& result : evaluate_constants(*device_, *primitive, constants)) {
    outputs.push_back(constant(std::move(result)));
  }
  return outputs;
}

ValueId Builder::apply1(PrimitivePtr primitive, std::vector<ValueId> inputs) {
  const std::vector<ValueId> outputs = apply(std::move(primitive), std::move(inputs));
  if (outputs.size() != 1) throw Error(Code::kInternal, "apply1 needs a primitive with one output");
  return outputs.front();
}

void Builder::set_origin(std::string name, std::string type) {
  origin_name_ = std::move(name);
  origin_type_ = std::move(type);
}

std::optional<std::vector<std::int64_t>> Builder::integers_of(ValueId id) const {
  if (!is_constant(id)) return std::nullopt;
  work(type(id).elements());
  const Constant& constant = *graph_.value(id).constant;
  if (!constant.type.is_real()) return convert<std::int64_t>(constant);
  // Real to integer saturates in Array::to; a plain cast would be undefined for large values.
  const Constant real = with_real_type(constant, DType::f64);
  const Array integers = Array(real.type.shape, std::span<const double>(real.as<double>())).to(DType::i64);
  const auto elements = integers.as<std::int64_t>();
  return std::vector<std::int64_t>(elements.begin(), elements.end());
}

std::optional<std::vector<double>> Builder::reals_of(ValueId id) const {
  if (!is_constant(id)) return std::nullopt;
  work(type(id).elements());
  return convert<double>(*graph_.value(id).constant);
}

Graph Builder::finish() && {
  graph_.keep_counted(std::move(memory_));
  return std::move(graph_);
}

}  // namespace mho::graph
