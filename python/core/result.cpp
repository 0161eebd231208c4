// mho._core.Result and its files.
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace mho::python {

namespace {

template <class T>
nb::object numpy_of(const std::vector<T>& values) {
  return give(Array({static_cast<std::int64_t>(values.size())}, values));
}

nb::object numpy_of(const std::vector<bool>& values) {
  Array array(DType::b8, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), array.as<bool>().begin());
  return give(std::move(array));
}

/// A property that is a numpy array made from a vector.
template <class Owner, class T>
auto column(std::vector<T> Owner::*member) {
  return [member](const Owner& owner) { return numpy_of(owner.*member); };
}

}  // namespace

void bind_result(nb::module_& module) {
  nb::class_<LayerResult>(module, "LayerResult", "One layer's attributions.")
      .def_ro("name", &LayerResult::name)
      .def_ro("node", &LayerResult::node)
      .def_ro("op", &LayerResult::op)
      .def_ro("cut", &LayerResult::cut)
      .def_prop_ro(
          "values", [](nb::pointer_and_handle<LayerResult> self) { return view(self.p->values, self.h); },
          "float64 [examples, layer shape…], read-only, not copied")
      .def_prop_ro("estimated_error", column(&LayerResult::estimated_error))
      .def_prop_ro("residual", column(&LayerResult::residual))
      .def_prop_ro("cancellation", column(&LayerResult::cancellation))
      .def_ro("precision_error", &LayerResult::precision_error);
  nb::class_<Result>(module, "Result", "What attribute() returns.")
      .def_prop_ro(
          "layers",
          [](Result& result) {
            nb::list layers;
            for (LayerResult& layer : result.layers) {
              layers.append(nb::cast(&layer, nb::rv_policy::reference_internal, nb::find(&result)));
            }
            return layers;
          },
          "in the order of computation")
      .def_prop_ro("f_input", column(&Result::f_input))
      .def_prop_ro("f_baseline", column(&Result::f_baseline))
      .def_prop_ro("target", column(&Result::target))
      .def_prop_ro("evaluations", column(&Result::evaluations))
      .def_prop_ro("steps", column(&Result::steps))
      .def_prop_ro("converged", column(&Result::converged))
      .def_ro("target_tensor", &Result::target_tensor)
      .def_ro("target_note", &Result::target_note)
      .def_ro("batching", &Result::batching)
      .def_ro("notes", &Result::notes)
      .def_ro("micro_batch", &Result::micro_batch)
      .def_ro("metadata", &Result::metadata)
      .def(
          "write",
          [](const Result& result, const std::filesystem::path& path) {
            const nb::gil_scoped_release release;
            io::write_result(path, result);
          },
          "path"_a)
      .def(
          "report",
          [](const Result& result, const std::filesystem::path& path, const nb::dict& inputs,
             const std::vector<std::string>& labels, const std::string& title, const std::string& evaluation,
             std::int64_t max_bytes) {
            const report::Options options{.title = title,
                                          .inputs = borrow_all(inputs),
                                          .labels = labels,
                                          .evaluation = evaluation,
                                          .max_bytes = max_bytes};
            const nb::gil_scoped_release release;
            report::write_page(path, result, options);
          },
          "path"_a, "inputs"_a, "labels"_a, "title"_a, "evaluation"_a, "max_bytes"_a);
  module.def(
      "read_result",
      [](const std::filesystem::path& path) {
        const nb::gil_scoped_release release;
        return io::read_result(path);
      },
      "path"_a);
}

}  // namespace mho::python
