// mho._core.Model and what it tells about itself.
#include <fmt/format.h>
#include <mho/mho.h>
#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <string_view>

#include "arrays.h"
#include "bindings.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace nanobind::detail {
/// As a list.
template <>
struct type_caster<mho::Shape> : list_caster<mho::Shape, std::int64_t> {};
}  // namespace nanobind::detail

namespace mho::python {

namespace {

/// {field of mho::Limits: number}. Throws Error(kInvalidArgument).
Limits limits_of(const nb::dict& given) {
  Limits limits;
  const std::pair<std::string_view, std::int64_t*> fields[] = {{"tensor_elements", &limits.tensor_elements},
                                                               {"nodes", &limits.nodes},
                                                               {"unrolled_nodes", &limits.unrolled_nodes},
                                                               {"primitives", &limits.primitives},
                                                               {"nesting", &limits.nesting},
                                                               {"constant_elements", &limits.constant_elements},
                                                               {"work", &limits.work},
                                                               {"memory", &limits.memory}};
  for (const auto& [key, value] : given) {
    const auto name = nb::cast<std::string>(key);
    const auto* field = std::ranges::find(fields, name, &std::pair<std::string_view, std::int64_t*>::first);
    if (field == std::end(fields)) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("there is no limit '{}'; there are tensor_elements, nodes, unrolled_nodes, primitives, "
                              "nesting, constant_elements, work, memory",
                              name));
    }
    *field->second = nb::cast<std::int64_t>(value);
  }
  return limits;
}

ModelOptions options(std::string_view precision, int threads, bool winograd, bool one_example) {
  ModelOptions options;
  if (precision == "double") {
    options.precision = Precision::kDouble;
  } else if (precision == "bf16") {
    options.precision = Precision::kBfloat16;
  } else if (precision != "single") {
    throw Error(Code::kInvalidArgument, fmt::format("precision '{}' is none of single, double, bf16", precision));
  }
  if (threads < 0) throw Error(Code::kInvalidArgument, fmt::format("threads is {}; it must be 0 or more", threads));
  options.threads = threads;
  options.winograd = winograd;
  options.one_example = one_example;
  return options;
}

nb::dict run(const Model& model, const nb::dict& arrays) {
  const Inputs inputs = borrow_all(arrays);
  std::map<std::string, Array, std::less<>> outputs;
  {
    const nb::gil_scoped_release release;
    outputs = model.run(inputs);
  }
  nb::dict result;
  for (auto& [name, array] : outputs) result[name.c_str()] = give(std::move(array));
  return result;
}

Inspection inspect(const Model& model, const nb::dict& arrays, const nb::dict& shapes, const std::string& output,
                   bool probability, const std::vector<std::string>& at) {
  InspectOptions options;
  options.inputs = borrow_all(arrays);
  for (const auto& [name, shape] : shapes) {
    options.input_shapes.emplace(nb::cast<std::string>(name), nb::cast<Shape>(shape));
  }
  options.output = output;
  options.probability = probability;
  options.at = at;
  const nb::gil_scoped_release release;
  return model.inspect(options);
}

void bind_facts(nb::module_& module) {
  nb::class_<Port>(module, "Port", "A declared input or output.")
      .def_ro("name", &Port::name)
      .def_ro("type", &Port::type, "ONNX element type: 'float', 'int64', …")
      .def_ro("shape", &Port::shape, "-1 for symbolic extents")
      .def_ro("symbols", &Port::symbols, "names of the symbolic extents, '' elsewhere")
      .def_ro("example_axis", &Port::example_axis, "whether the leading axis counts examples");
  nb::class_<Layer>(module, "Layer", "A tensor that can be attributed.")
      .def_ro("name", &Layer::name, "ONNX tensor name")
      .def_ro("node", &Layer::node, "name of the ONNX node that makes it, '' for inputs")
      .def_ro("op", &Layer::op, "ONNX operator type of that node")
      .def_ro("shape", &Layer::shape, "for one example")
      .def_ro("cut", &Layer::cut,
              "whether every path from input to target crosses it: attributions sum to F(x) - F(x')")
      .def_ro("affine_from_input", &Layer::affine_from_input)
      .def_ro("affine_to_target", &Layer::affine_to_target, "whether one gradient is exact");
  nb::class_<GradientStop>(module, "GradientStop", "A node between input and target that passes no gradient.")
      .def_ro("node", &GradientStop::node)
      .def_ro("op", &GradientStop::op)
      .def_ro("reason", &GradientStop::reason);
  nb::class_<Inspection>(module, "Inspection", "What mho understood of a model.")
      .def_ro("producer", &Inspection::producer)
      .def_ro("ir_version", &Inspection::ir_version)
      .def_ro("opset", &Inspection::opset)
      .def_ro("onnx_nodes", &Inspection::onnx_nodes)
      .def_ro("primitives", &Inspection::primitives)
      .def_ro("parameters", &Inspection::parameters)
      .def_ro("sha256", &Inspection::sha256)
      .def_ro("inputs", &Inspection::inputs)
      .def_ro("outputs", &Inspection::outputs)
      .def_ro("target", &Inspection::target, "the tensor that is attributed")
      .def_ro("target_note", &Inspection::target_note)
      .def_ro("path", &Inspection::path, "tensors at which the path begins")
      .def_ro("gradient_stops", &Inspection::gradient_stops)
      .def_ro("batched", &Inspection::batched, "whether several points are evaluated at once")
      .def_ro("batching", &Inspection::batching, "how, or why not")
      .def_ro("layers", &Inspection::layers, "in the order of computation");
}

}  // namespace

void bind_model(nb::module_& module) {
  bind_facts(module);
  nb::class_<Model>(module, "Model", "A loaded ONNX model; immutable, for any number of threads.")
      .def_static(
          "load",
          [](const std::filesystem::path& path, std::string_view precision, int threads, bool winograd,
             bool one_example, const nb::dict& limits) {
            ModelOptions wanted = options(precision, threads, winograd, one_example);
            wanted.limits = limits_of(limits);
            const nb::gil_scoped_release release;
            return Model::load(path, wanted);
          },
          "path"_a, "precision"_a, "threads"_a, "winograd"_a, "one_example"_a, "limits"_a)
      .def_static(
          "parse",
          [](const nb::bytes& bytes, const std::filesystem::path& directory, std::string_view precision, int threads,
             bool winograd, bool one_example, const nb::dict& limits) {
            ModelOptions wanted = options(precision, threads, winograd, one_example);
            wanted.limits = limits_of(limits);
            const std::span span(static_cast<const std::byte*>(bytes.data()), bytes.size());
            const nb::gil_scoped_release release;
            return Model::parse(span, directory, wanted);
          },
          "bytes"_a, "directory"_a, "precision"_a, "threads"_a, "winograd"_a, "one_example"_a, "limits"_a)
      .def(
          "with_options",
          [](const Model& model, std::string_view precision, int threads, bool winograd, bool one_example) {
            const ModelOptions wanted = options(precision, threads, winograd, one_example);
            const nb::gil_scoped_release release;
            return model.with_options(wanted);
          },
          "precision"_a, "threads"_a, "winograd"_a, "one_example"_a)
      .def("inputs", &Model::inputs)
      .def("outputs", &Model::outputs)
      .def("sha256", &Model::sha256)
      .def("inspect", &inspect, "arrays"_a, "shapes"_a, "output"_a, "probability"_a, "at"_a)
      .def("run", &run, "arrays"_a);
}

}  // namespace mho::python
