// Progress from the core to Python, and Ctrl-C the other way.
#pragma once

#include <mho/attribution.h>
#include <nanobind/nanobind.h>

#include <memory>

namespace mho::python {

/// Calls `progress(done, examples, evaluations)` from the core; what it raises, and Ctrl-C, end the run.
class Reporter {
 public:
  explicit Reporter(nanobind::object callback) : callback_(std::move(callback)) {}

  bool operator()(const Progress& progress) {
    const nanobind::gil_scoped_acquire gil;
    try {
      if (PyErr_CheckSignals() != 0) throw nanobind::python_error();
      if (callback_.is_none()) return true;
      const nanobind::object answer = callback_(progress.examples_done, progress.examples, progress.evaluations);
      return !answer.is(nanobind::handle(Py_False));
    } catch (nanobind::python_error& error) {
      raised_ = std::make_unique<nanobind::python_error>(std::move(error));
      return false;
    }
  }

  void rethrow() const {
    if (raised_) throw *raised_;
  }

 private:
  nanobind::object callback_;
  std::unique_ptr<nanobind::python_error> raised_;
};

}  // namespace mho::python
