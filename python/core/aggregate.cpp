// mho._core.Aggregate: means over a data set.
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace mho::python {

void bind_aggregate(nb::module_& module) {
  nb::class_<LayerMeans>(module, "LayerMeans", "Means of one layer over examples.")
      .def_ro("name", &LayerMeans::name)
      .def_ro("node", &LayerMeans::node)
      .def_ro("op", &LayerMeans::op)
      .def_prop_ro(
          "mean", [](nb::pointer_and_handle<LayerMeans> self) { return view(self.p->mean, self.h); },
          "float64 [layer shape…], read-only, not copied: the mean of the values")
      .def_prop_ro(
          "mean_magnitude",
          [](nb::pointer_and_handle<LayerMeans> self) { return view(self.p->mean_magnitude, self.h); },
          "the mean of their magnitudes");
  nb::class_<ExampleMeans>(module, "ExampleMeans", "Means of all layers over some examples.")
      .def_ro("examples", &ExampleMeans::examples)
      .def_ro("layers", &ExampleMeans::layers);
  nb::class_<DatasetMeans>(module, "DatasetMeans", "Over all examples, and by target.")
      .def_ro("all", &DatasetMeans::all)
      .def_ro("classes", &DatasetMeans::classes);
  nb::class_<Aggregate>(module, "Aggregate", "Adds up results in float64.")
      .def(nb::init<bool>(), "per_class"_a = false)
      .def("add", &Aggregate::add, "result"_a, nb::call_guard<nb::gil_scoped_release>())
      .def("result", &Aggregate::result);
}

}  // namespace mho::python
