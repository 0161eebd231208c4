// mho::Error as the exceptions of mho/errors.py, with the core's message.
#include <mho/error.h>
#include <nanobind/nanobind.h>

#include "bindings.h"

namespace nb = nanobind;

namespace mho::python {

namespace {

const char* class_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "InvalidArgumentError";
    case Code::kInvalidModel:
      return "InvalidModelError";
    case Code::kUnsupported:
      return "UnsupportedError";
    case Code::kNotFound:
      return "NotFoundError";
    case Code::kIo:
      return "IoError";
    case Code::kNumeric:
      return "NumericError";
    case Code::kLimit:
      return "LimitError";
    case Code::kCancelled:
      return "CancelledError";
    case Code::kInternal:
      break;
  }
  return "InternalError";
}

}  // namespace

void bind_errors() {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Error& error) {
      const nb::object type = nb::module_::import_("mho.errors").attr(class_of(error.code()));
      // Names in a model need not be valid UTF-8.
      const nb::object text =
          nb::steal(PyUnicode_DecodeUTF8(error.what(), std::char_traits<char>::length(error.what()), "replace"));
      PyErr_SetObject(type.ptr(), text.ptr());
    }
  });
}

}  // namespace mho::python
