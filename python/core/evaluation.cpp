// mho._core.evaluate(): an evaluation as nested dictionaries, in the layout of `mho evaluate --json`.
#include <fmt/format.h>
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"
#include "reporter.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace mho::python {

namespace {

nb::object array(const std::vector<double>& values) {
  return give(Array({static_cast<std::int64_t>(values.size())}, values));
}

nb::dict curve_dict(const Curve& curve) {
  nb::dict result;
  result["value"] = array(curve.value);
  result["low"] = array(curve.low);
  result["high"] = array(curve.high);
  return result;
}

nb::dict method_dict(const MethodEvaluation& method) {
  nb::dict scores;
  for (std::size_t i = 0; i < kMetrics; ++i) {
    const Score& score = method.scores[i];
    nb::dict one;
    one["value"] = score.value;
    one["low"] = score.low;
    one["high"] = score.high;
    one["per_example"] = array(score.per_example);
    scores[to_string(static_cast<Metric>(i))] = one;
  }
  nb::dict result;
  result["name"] = method.name;
  result["reference"] = method.is_reference;
  result["scores"] = scores;
  result["deletion"] = curve_dict(method.deletion);
  result["insertion"] = curve_dict(method.insertion);
  return result;
}

nb::dict layer_dict(const LayerEvaluation& layer) {
  nb::list methods;
  for (const MethodEvaluation& method : layer.methods) methods.append(method_dict(method));
  nb::dict result;
  result["name"] = layer.name;
  result["node"] = layer.node;
  result["op"] = layer.op;
  result["cut"] = layer.cut;
  result["units"] = layer.units;
  result["single_units"] = layer.single_units;
  result["removed"] = layer.removed;
  result["methods"] = methods;
  result["overlap"] = layer.overlap;
  return result;
}

nb::dict to_dict(const Evaluation& evaluation) {
  nb::list examples, methods, layers;
  for (std::size_t i = 0; i < evaluation.f_input.size(); ++i) {
    nb::dict example;
    example["example"] = i;
    example["target"] = evaluation.target[i];
    example["f_input"] = evaluation.f_input[i];
    example["f_baseline"] = evaluation.f_baseline[i];
    examples.append(example);
  }
  for (const MethodCost& cost : evaluation.costs) {
    nb::dict method;
    method["name"] = cost.name;
    method["seconds"] = cost.seconds;
    method["evaluations"] = cost.evaluations;
    methods.append(method);
  }
  for (const LayerEvaluation& layer : evaluation.layers) layers.append(layer_dict(layer));
  nb::dict result;
  result["format"] = "mho evaluation 1";
  result["mho"] = version();
  result["target_tensor"] = evaluation.target_tensor;
  result["target_note"] = evaluation.target_note;
  result["examples"] = examples;
  result["methods"] = methods;
  result["layers"] = layers;
  result["metadata"] = evaluation.metadata;
  return result;
}

void set_statistic(EvaluationRequest& request, const std::string& text) {
  if (text != "mean" && text != "median") {
    throw Error(Code::kInvalidArgument, fmt::format("statistic '{}' is neither mean nor median", text));
  }
  request.statistic = text == "median" ? Statistic::kMedian : Statistic::kMean;
}

nb::dict run(const Model& model, const nb::dict& arrays, EvaluationRequest request, nb::object progress) {
  const Inputs inputs = borrow_all(arrays);
  Reporter reporter(std::move(progress));
  request.request.progress = [&reporter](const Progress& state) { return reporter(state); };
  Evaluation evaluation;
  try {
    const nb::gil_scoped_release release;
    evaluation = evaluate(model, inputs, request);
  } catch (const Error&) {
    reporter.rethrow();
    throw;
  }
  return to_dict(evaluation);
}

}  // namespace

void bind_evaluation(nb::module_& module) {
  nb::class_<EvaluationRequest>(module, "EvaluationRequest", "What is asked of evaluate().")
      .def(nb::init<>())
      .def_rw("request", &EvaluationRequest::request)
      .def_rw("curve_points", &EvaluationRequest::curve_points)
      .def_rw("single_units", &EvaluationRequest::single_units)
      .def_rw("top", &EvaluationRequest::top)
      .def_rw("subsets", &EvaluationRequest::subsets)
      .def_rw("noises", &EvaluationRequest::noises)
      .def_rw("radius", &EvaluationRequest::radius)
      .def_rw("resamples", &EvaluationRequest::resamples)
      .def_rw("confidence", &EvaluationRequest::confidence)
      .def_rw("seed", &EvaluationRequest::seed)
      .def_prop_rw(
          "statistic",
          [](const EvaluationRequest& request) { return request.statistic == Statistic::kMedian ? "median" : "mean"; },
          &set_statistic)
      .def(
          "set_methods",
          [](EvaluationRequest& request, const std::vector<std::string>& names) {
            request.methods.clear();
            for (const std::string& name : names) request.methods.push_back(parse_evaluated_method(name));
          },
          "names"_a);
  module.def("evaluate", &run, "model"_a, "arrays"_a, "request"_a, "progress"_a.none(),
             "How well methods predict what happens when units are removed, as nested dictionaries.");
}

}  // namespace mho::python
