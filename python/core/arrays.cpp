// numpy arrays as mho::Array and back, without copies.
#include "arrays.h"

#include <fmt/format.h>
#include <mho/error.h>
#include <nanobind/stl/string.h>

#include <memory>
#include <vector>

namespace nb = nanobind;

namespace mho::python {

namespace {

DType dtype_of(nb::dlpack::dtype type) {
  if (type == nb::dtype<float>()) return DType::f32;
  if (type == nb::dtype<double>()) return DType::f64;
  if (type == nb::dtype<std::int64_t>()) return DType::i64;
  if (type == nb::dtype<std::int32_t>()) return DType::i32;
  if (type == nb::dtype<bool>()) return DType::b8;
  throw Error(Code::kInvalidArgument,
              fmt::format("an array has elements of {} bits of kind {}, which mho does not take", unsigned{type.bits},
                          unsigned{type.code}));
}

nb::dlpack::dtype dlpack_of(DType type) {
  switch (type) {
    case DType::f32:
      return nb::dtype<float>();
    case DType::f64:
      return nb::dtype<double>();
    case DType::i64:
      return nb::dtype<std::int64_t>();
    case DType::i32:
      return nb::dtype<std::int32_t>();
    case DType::b8:
      break;
  }
  return nb::dtype<bool>();
}

std::vector<std::size_t> extents(const Array& array) { return {array.shape().begin(), array.shape().end()}; }

/// Keeps a Python array alive from any thread.
struct Keeper {
  InputArray array;

  explicit Keeper(InputArray kept) : array(std::move(kept)) {}
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper() {
    const nb::gil_scoped_acquire gil;
    array = InputArray();
  }
};

}  // namespace

Array borrow(const InputArray& array) {
  Shape shape;
  for (std::size_t axis = 0; axis < array.ndim(); ++axis) shape.push_back(static_cast<std::int64_t>(array.shape(axis)));
  const std::span bytes(static_cast<const std::byte*>(array.data()), array.nbytes());
  return Array::borrow(dtype_of(array.dtype()), std::move(shape), bytes, std::make_shared<Keeper>(array));
}

Inputs borrow_all(const nb::dict& arrays) {
  Inputs inputs;
  for (const auto& [name, array] : arrays) {
    inputs.emplace(nb::cast<std::string>(name), borrow(nb::cast<InputArray>(array)));
  }
  return inputs;
}

nb::object view(const Array& array, nb::handle owner) {
  const std::vector<std::size_t> shape = extents(array);
  const nb::ndarray<nb::numpy, nb::ro> numpy(array.bytes().data(), shape.size(), shape.data(), owner, nullptr,
                                             dlpack_of(array.dtype()));
  return nb::cast(numpy, nb::rv_policy::reference);
}

nb::object give(Array&& array) {
  auto kept = std::make_unique<Array>(std::move(array));
  const std::vector<std::size_t> shape = extents(*kept);
  void* const elements = kept->bytes().data();
  const nb::dlpack::dtype type = dlpack_of(kept->dtype());
  const nb::capsule owner(kept.release(),
                          [](void* held) noexcept { std::unique_ptr<Array>(static_cast<Array*>(held)); });
  const nb::ndarray<nb::numpy> numpy(elements, shape.size(), shape.data(), owner, nullptr, type);
  return nb::cast(numpy, nb::rv_policy::reference);
}

}  // namespace mho::python
