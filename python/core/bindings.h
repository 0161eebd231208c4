// What each file of the extension module adds to it.
#pragma once

#include <nanobind/nanobind.h>

namespace mho::python {

void bind_errors();
void bind_model(nanobind::module_& module);
void bind_request(nanobind::module_& module);
void bind_evaluation(nanobind::module_& module);
void bind_result(nanobind::module_& module);
void bind_aggregate(nanobind::module_& module);

}  // namespace mho::python
