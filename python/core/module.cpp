// The extension module mho._core: what it holds, in the order in which types need one another.
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"

namespace nb = nanobind;

NB_MODULE(_core, module) {
  module.doc() = "The C++ core of mho. Use the package mho instead.";
  mho::python::bind_errors();
  mho::python::bind_model(module);
  mho::python::bind_request(module);
  mho::python::bind_evaluation(module);
  mho::python::bind_result(module);
  mho::python::bind_aggregate(module);
  module.attr("__version__") = mho::version();
  module.def("has_bfloat16", &mho::has_bfloat16, "Whether this CPU multiplies bfloat16 matrices (AMX).");
  module.def(
      "operators",
      [] {
        std::vector<std::string> names;
        for (const mho::OperatorRow& row : mho::operator_table()) names.push_back(row.name);
        return names;
      },
      "ONNX operators that this build supports.");
}
