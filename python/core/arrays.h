// numpy arrays as mho::Array and back, without copies.
#pragma once

#include <mho/array.h>
#include <mho/model.h>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace mho::python {

/// What the package hands to the core: C-contiguous, on the CPU, of one of mho's element types (mho/_arrays.py).
using InputArray = nanobind::ndarray<nanobind::ro, nanobind::c_contig, nanobind::device::cpu>;

/// Borrows the array's elements and keeps it alive. Throws Error(kInvalidArgument) for other element types.
[[nodiscard]] Array borrow(const InputArray& array);
/// {name: array}.
[[nodiscard]] Inputs borrow_all(const nanobind::dict& arrays);

/// A read-only numpy array of elements that live as long as `owner`.
[[nodiscard]] nanobind::object view(const Array& array, nanobind::handle owner);
/// A numpy array that takes the elements with it.
[[nodiscard]] nanobind::object give(Array&& array);

}  // namespace mho::python
