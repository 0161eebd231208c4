// Where paths begin: a baseline for every input, and for tensors behind inputs where one is given.
#include "attribution/baselines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "attribution/dinucleotides.h"
#include "graph/analysis.h"

namespace mho::attribution {

using graph::Graph;
using graph::ValueId;

namespace {

Array mean_of(const Array& all) {
  Shape one = all.shape();
  one[0] = 1;
  std::vector<double> sums(static_cast<std::size_t>(element_count(one)), 0.0);
  for (std::int64_t i = 0; i < all.size(); ++i) sums[static_cast<std::size_t>(i) % sums.size()] += all.at(i);
  for (double& sum : sums) sum /= static_cast<double>(all.shape()[0]);
  return Array(one, sums).to(all.dtype());
}

Array constant_baseline(const Examples& inputs, const std::string& name, double value) {
  const Shape& shape = inputs.shapes.shapes.at(name);
  const std::vector<double> values(static_cast<std::size_t>(element_count(shape)), value);
  return Array(shape, values).to(inputs.arrays.at(name).dtype());
}

Array given_baseline(const Examples& inputs, const std::string& name, const Inputs& given) {
  const auto it = given.find(name);
  if (it == given.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("the baseline of input '{}' is not given", name));
  }
  const Array& array = it->second;
  const Array& all = inputs.arrays.at(name);
  Shape one = inputs.shapes.shapes.at(name);
  if (array.shape() != one && array.shape() != all.shape()) {
    throw Error(Code::kInvalidArgument,
                fmt::format("the baseline of input '{}' has shape {}; it must be {} or that of the input, {}", name,
                            to_string(array.shape()), to_string(one), to_string(all.shape())));
  }
  check_finite(fmt::format("the baseline of input '{}'", name), array);
  return array.to(all.dtype());
}

Array given_references(const Examples& inputs, const std::string& name, const Inputs& given) {
  const auto it = given.find(name);
  if (it == given.end()) {
    throw Error(Code::kInvalidArgument, fmt::format("the references of input '{}' are not given", name));
  }
  return it->second.to(inputs.arrays.at(name).dtype());
}

/// Shuffles of every example of the inputs that are one-hot: [examples * count, ...].
std::map<std::string, Array, std::less<>> make_shuffles(const Setup& setup, const DinucleotideShuffles& shuffles) {
  if (shuffles.count < 1 || shuffles.count > 100'000) {
    throw Error(Code::kInvalidArgument,
                fmt::format("{} shuffles are asked for; it must be between 1 and 100000", shuffles.count));
  }
  std::map<std::string, Array, std::less<>> result;
  for (const ValueId id : setup.graph->inputs()) {
    const std::string& name = setup.graph->value(id).name;
    if (!setup.graph->value(id).type.is_real() || !one_hot_axes(setup.inputs.example(name, 0))) continue;
    Shape shape = setup.inputs.shapes.shapes.at(name);
    shape.insert(shape.begin(), setup.inputs.count * shuffles.count);
    Array all(setup.inputs.arrays.at(name).dtype(), shape);
    std::byte* to = all.bytes().data();
    for (std::int64_t n = 0; n < setup.inputs.count; ++n) {
      const Array example = setup.inputs.example(name, n);
      const auto axes = one_hot_axes(example);
      if (!axes) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("example {} of input '{}' is not one-hot, which shuffles need", n, name));
      }
      for (std::int64_t k = 0; k < shuffles.count; ++k) {
        const Array shuffled = shuffled_one_hot(example, *axes, shuffles.seed, k);
        to = std::ranges::copy(shuffled.bytes(), to).out;
      }
    }
    result.emplace(name, std::move(all));
  }
  if (result.empty()) {
    throw Error(Code::kInvalidArgument,
                "no input is one-hot, [letters, positions] or [positions, letters], which shuffles need");
  }
  return result;
}

/// Baselines given for tensors behind the inputs: one number, one example, or as many as the inputs have.
void add_given_tensors(const Setup& setup, const Inputs& given, std::map<std::string, Array, std::less<>>& result) {
  for (const ValueId id : setup.sources.embedded) {
    const auto it = given.find(setup.graph->value(id).name);
    if (it == given.end()) continue;
    const auto& [name, array] = *it;
    const Shape& one = setup.graph->value(id).type.shape;
    Shape all = one;
    if (!all.empty()) all[0] *= setup.inputs.count;
    check_finite(fmt::format("the baseline of '{}'", name), array);
    const DType real = setup.network->device()->real();
    if (array.shape().empty() || (array.shape() == Shape{1} && one != Shape{1})) {
      const std::vector<double> values(static_cast<std::size_t>(element_count(one)), array.at(0));
      result.emplace(name, Array(one, values).to(real));
    } else if (array.shape() == one || array.shape() == all) {
      result.emplace(name, array.to(real));
    } else {
      throw Error(
          Code::kInvalidArgument,
          fmt::format("the baseline of '{}' has shape {}; it must be a single number or have the shape {} or {}", name,
                      to_string(array.shape()), to_string(one), to_string(all)));
    }
  }
}

/// The inputs whose baseline matters: a path begins there, or at a tensor behind that has no baseline of its own.
std::vector<ValueId> moved_inputs(const Setup& setup, const std::map<std::string, Array, std::less<>>& given) {
  std::vector<ValueId> moved;
  for (const ValueId id : setup.graph->inputs()) {
    const std::vector<bool> behind = graph::dependents(*setup.graph, std::array{id});
    const bool leads_to_one = std::ranges::any_of(setup.sources.embedded, [&](ValueId to) {
      return behind[static_cast<std::size_t>(to)] && !given.contains(setup.graph->value(to).name);
    });
    if (leads_to_one || std::ranges::find(setup.sources.inputs, id) != setup.sources.inputs.end()) moved.push_back(id);
  }
  return moved;
}

}  // namespace

std::int64_t count_references(const Examples& inputs, const ReferenceSet& set) {
  std::int64_t count = 1;
  for (const auto& [name, array] : set.references) {
    const auto it = inputs.shapes.shapes.find(name);
    if (it == inputs.shapes.shapes.end()) continue;  // refused with the other names
    const Shape& one = it->second;
    const std::int64_t extent = array.shape().empty() ? 0 : array.shape()[0];
    Shape whole = one;
    if (!whole.empty()) whole[0] *= extent;
    if (one.empty() || one[0] != 1 || extent < 1 || array.shape() != whole ||
        (count > 1 && extent > 1 && extent != count)) {
      throw Error(
          Code::kInvalidArgument,
          fmt::format("the references of input '{}' have shape {}; it must be [references, ...] with the rest of "
                      "{}, and the same number for every input",
                      name, to_string(array.shape()), to_string(one)));
    }
    check_finite(fmt::format("the references of input '{}'", name), array);
    count = std::max(count, extent);
  }
  return count;
}

std::map<std::string, Array, std::less<>> make_baselines(const Setup& setup, const Baseline& baseline) {
  if (const auto* shuffles = std::get_if<DinucleotideShuffles>(&baseline)) return make_shuffles(setup, *shuffles);
  const auto* set = std::get_if<ReferenceSet>(&baseline);
  const auto* given = set != nullptr ? &set->references : std::get_if<Inputs>(&baseline);
  std::map<std::string, Array, std::less<>> result;
  if (given != nullptr && set == nullptr) add_given_tensors(setup, *given, result);
  for (const ValueId id : moved_inputs(setup, result)) {
    const bool real = setup.graph->value(id).type.is_real();
    const std::string& name = setup.graph->value(id).name;
    if (const auto* number = std::get_if<double>(&baseline)) {
      if (!std::isfinite(*number)) throw Error(Code::kInvalidArgument, "the baseline is not a finite number");
      result.emplace(name, constant_baseline(setup.inputs, name, *number));
    } else if (std::holds_alternative<MeanBaseline>(baseline)) {
      if (!real) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("the mean of integer input '{}' is no integer: give a number or an array", name));
      }
      const Array& all = setup.inputs.arrays.at(name);
      result.emplace(name, setup.inputs.shapes.batched.at(name) ? mean_of(all) : all);
    } else if (set != nullptr) {
      result.emplace(name, given_references(setup.inputs, name, set->references));
    } else {
      result.emplace(name, given_baseline(setup.inputs, name, *given));
    }
  }
  if (given == nullptr) return result;
  for (const auto& [name, array] : *given) {
    if (!result.contains(name)) {
      throw Error(Code::kInvalidArgument, fmt::format("a baseline is given for '{}', where no path begins", name));
    }
  }
  return result;
}

}  // namespace mho::attribution
