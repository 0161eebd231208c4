// mho._core.Request, its targets and baselines, and attribute().
#include <fmt/format.h>
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"
#include "reporter.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace mho::python {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

void set_method(Request& request, const std::string& text) {
  const auto method = parse_method(text);
  if (!method) {
    refuse(
        fmt::format("method '{}' is none of nig, deeplift, conductance, ig, activation, gradient, "
                    "gradient_x_activation, internal_influence, grad_cam, lrp, ablation",
                    text));
  }
  request.method = *method;
}

void set_units(Request& request, const std::string& text) {
  const auto unit = parse_ablation_unit(text);
  if (!unit) refuse(fmt::format("units '{}' is neither neuron nor channel", text));
  request.ablation.unit = *unit;
}

void set_replacement(Request& request, const std::string& text) {
  const auto replacement = parse_replacement(text);
  if (!replacement) refuse(fmt::format("replace '{}' is none of baseline, zero, mean", text));
  request.ablation.replacement = *replacement;
}

void set_quadrature(Request& request, const std::string& text) {
  const auto rule = parse_quadrature(text);
  if (!rule) {
    refuse(
        fmt::format("quadrature '{}' is none of adaptive, secant, exact, trapezoid, left, right, midpoint, "
                    "gauss_legendre",
                    text));
  }
  request.quadrature = *rule;
}

void add_rule(Request& request, const std::string& nodes, const std::string& text) {
  const auto rule = parse_rule(text);
  if (!rule) refuse(fmt::format("rule '{}' is none of rescale, reveal_cancel, genomics, gradient, linear", text));
  request.rules.push_back({nodes, *rule});
}

void add_lrp_rule(Request& request, const std::string& nodes, const std::string& text) {
  const auto rule = parse_lrp_rule(text);
  if (!rule) refuse(fmt::format("rule '{}' is none of epsilon:E, gamma:G, alphabeta:A", text));
  request.lrp_rules.push_back({nodes, *rule});
}

void set_positions(Request& request, const std::string& text) {
  const auto how = parse_positions(text);
  if (!how) refuse(fmt::format("positions '{}' is none of none, sum, abs_sum, max", text));
  request.aggregate_positions = *how;
}

Result run(const Model& model, const nb::dict& arrays, Request request, nb::object progress) {
  const Inputs inputs = borrow_all(arrays);
  Reporter reporter(std::move(progress));
  request.progress = [&reporter](const Progress& state) { return reporter(state); };
  try {
    const nb::gil_scoped_release release;
    return attribute(model, inputs, request);
  } catch (const Error&) {
    reporter.rethrow();
    throw;
  }
}

}  // namespace

void bind_request(nb::module_& module) {
  nb::class_<Request>(module, "Request", "What is asked of attribute().")
      .def(nb::init<>())
      .def_prop_rw(
          "method", [](const Request& request) { return to_string(request.method); }, &set_method)
      .def_prop_rw(
          "quadrature", [](const Request& request) { return to_string(request.quadrature); }, &set_quadrature)
      .def_rw("layers", &Request::layers)
      .def_rw("at", &Request::at)
      .def_rw("output", &Request::output)
      .def_rw("probability", &Request::probability)
      .def_rw("subtract_class_mean", &Request::subtract_class_mean)
      .def_rw("tolerance", &Request::tolerance)
      .def_rw("steps", &Request::steps)
      .def_rw("max_steps", &Request::max_steps)
      .def_rw("max_breakpoints", &Request::max_breakpoints)
      .def_rw("multipliers", &Request::multipliers)
      .def_rw("split_by_input", &Request::split_by_input)
      .def_rw("neurons", &Request::neurons)
      .def_rw("micro_batch", &Request::micro_batch)
      .def_rw("memory_budget", &Request::memory_budget)
      .def_prop_rw(
          "units", [](const Request& request) { return to_string(request.ablation.unit); }, &set_units)
      .def_prop_rw(
          "replace", [](const Request& request) { return to_string(request.ablation.replacement); }, &set_replacement)
      .def(
          "ablation_groups",
          [](Request& request, std::vector<std::vector<std::int64_t>> groups) {
            request.ablation.groups = std::move(groups);
          },
          "groups"_a)
      .def("add_rule", &add_rule, "nodes"_a, "rule"_a)
      .def("add_lrp_rule", &add_lrp_rule, "nodes"_a, "rule"_a)
      .def_rw("signed_map", &Request::signed_map)
      .def_prop_rw(
          "positions", [](const Request& request) { return to_string(request.aggregate_positions); }, &set_positions)
      .def("target_argmax", [](Request& request) { request.target = ArgmaxTarget{}; })
      .def(
          "target_indices",
          [](Request& request, std::vector<std::vector<std::int64_t>> indices) {
            request.target = IndexTarget{std::move(indices)};
          },
          "indices"_a)
      .def(
          "target_difference",
          [](Request& request, std::vector<std::int64_t> plus, std::vector<std::int64_t> minus) {
            request.target = DifferenceTarget{std::move(plus), std::move(minus)};
          },
          "plus"_a, "minus"_a)
      .def(
          "target_weights",
          [](Request& request, std::vector<double> weights) { request.target = WeightedTarget{std::move(weights)}; },
          "weights"_a)
      .def(
          "baseline_number", [](Request& request, double number) { request.baseline = number; }, "number"_a)
      .def("baseline_mean", [](Request& request) { request.baseline = MeanBaseline{}; })
      .def(
          "baseline_arrays", [](Request& request, const nb::dict& arrays) { request.baseline = borrow_all(arrays); },
          "arrays"_a)
      .def(
          "baseline_references",
          [](Request& request, const nb::dict& arrays) { request.baseline = ReferenceSet{borrow_all(arrays)}; },
          "arrays"_a)
      .def(
          "baseline_shuffles",
          [](Request& request, std::int64_t count, std::uint64_t seed) {
            request.baseline = DinucleotideShuffles{count, seed};
          },
          "count"_a, "seed"_a);
  module.def("attribute", &run, "model"_a, "arrays"_a, "request"_a, "progress"_a.none(),
             "Attributions of the arrays' examples; progress(done, examples, evaluations) may return False to stop.");
}

}  // namespace mho::python
