// One case of the ONNX backend test-suite: a folder with model.onnx and test_data_set_*/input_*.pb, output_*.pb.
#include "cases.h"

#include <fmt/format.h>
#include <mho/error.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <optional>

#include "evaluator.h"
#include "onnx/model.h"

namespace mho::conformance {

namespace fs = std::filesystem;

namespace {

std::vector<std::byte> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::ranges::transform(text, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

/// A recorded tensor, and the type it was recorded in.
struct Recorded {
  Array array;
  int element_type = 0;  ///< TensorProto.DataType
};

/// prefix_0.pb, prefix_1.pb, … of a data set, until one is missing.
std::vector<Recorded> read_arrays(const fs::path& folder, const std::string& prefix) {
  std::vector<Recorded> arrays;
  for (int i = 0;; ++i) {
    const fs::path path = folder / fmt::format("{}_{}.pb", prefix, i);
    if (!fs::exists(path)) return arrays;
    const std::vector<std::byte> bytes = read_file(path);
    Recorded recorded{onnx::read_tensor_proto(bytes)};
    ::onnx::TensorProto tensor;
    if (tensor.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) recorded.element_type = tensor.data_type();
    arrays.push_back(std::move(recorded));
  }
}

/// The nearest number with `bits` significant bits, of two equally near the even one.
double rounded(double x, int bits) {
  int exponent = 0;
  const double mantissa = std::frexp(x, &exponent);
  return std::isfinite(x) ? std::ldexp(std::nearbyint(std::ldexp(mantissa, bits)), exponent - bits) : x;
}

/// mho computes float16 and bfloat16 in the wider type, unrounded; an output of such a type is rounded where it leaves
/// the graph.
double as_element(double x, int element_type) {
  if (element_type == ::onnx::TensorProto::BFLOAT16) return rounded(x, 8);
  return element_type == ::onnx::TensorProto::FLOAT16 ? rounded(x, 11) : x;
}

void collect_operators(const ::onnx::GraphProto& graph, std::set<std::string>& operators) {
  for (const ::onnx::NodeProto& node : graph.node()) {
    const bool standard = node.domain().empty() || node.domain() == "ai.onnx";
    operators.insert(standard ? node.op_type() : node.domain() + ":" + node.op_type());
    for (const ::onnx::AttributeProto& attribute : node.attribute()) {
      if (attribute.has_g()) collect_operators(attribute.g(), operators);
      for (const ::onnx::GraphProto& inner : attribute.graphs()) collect_operators(inner, operators);
    }
  }
}

/// Whether this is a tensor of float, double, float16, bfloat16, bool or integers of 8 to 64 bits.
bool is_common(const ::onnx::TypeProto& type) {
  if (!type.has_tensor_type()) return false;
  const int element = type.tensor_type().elem_type();
  return (element >= ::onnx::TensorProto::FLOAT && element <= ::onnx::TensorProto::UINT64 &&
          element != ::onnx::TensorProto::STRING) ||
         element == ::onnx::TensorProto::BFLOAT16;
}

/// Fills in what the report says about the model, read with the schema alone.
void describe(const fs::path& path, Report& report) {
  ::onnx::ModelProto model;
  std::ifstream file(path, std::ios::binary);
  if (!model.ParseFromIstream(&file)) return;
  for (const auto& import : model.opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx") report.opset = import.version();
  }
  collect_operators(model.graph(), report.operators);
  const auto common = [](const ::onnx::ValueInfoProto& port) { return is_common(port.type()); };
  report.common_types =
      std::ranges::all_of(model.graph().input(), common) && std::ranges::all_of(model.graph().output(), common);
}

/// What is wrong with `actual`; empty where it is right.
std::optional<std::string> difference(const Array& actual, const Recorded& recorded, const Tolerance& tolerance) {
  const Array& expected = recorded.array;
  if (actual.shape() != expected.shape()) {
    return fmt::format("shape {} instead of {}", to_string(actual.shape()), to_string(expected.shape()));
  }
  for (std::int64_t i = 0; i < expected.size(); ++i) {
    const double a = as_element(actual.at(i), recorded.element_type);
    const double e = expected.at(i);
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    if (!(std::abs(a - e) <= tolerance.absolute + tolerance.relative * std::abs(e))) {
      return fmt::format("{} instead of {} at element {} of {}", a, e, i, expected.size());
    }
  }
  return std::nullopt;
}

/// Which inputs are folded into the graph as constants: axes, shapes and their like are inputs in these cases.
enum class Fixed { none, integers, all };

std::vector<Array> outputs_of(const onnx::Model& model, const std::vector<Recorded>& inputs, kernels::Device& device,
                              Fixed fixed) {
  onnx::Model::Specialization specialization;
  std::map<std::string, Array, std::less<>> feeds;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const onnx::PortInfo& port = model.inputs()[i];
    const bool is_real = port.dtype == DType::f32 || port.dtype == DType::f64;
    if (fixed == Fixed::all || (fixed == Fixed::integers && !is_real)) {
      const Array array = is_real ? inputs[i].array : inputs[i].array.to(port.dtype);
      specialization.fixed_inputs.emplace(port.name, kernels::Constant::from(array));
    } else {
      specialization.input_shapes.emplace(port.name, inputs[i].array.shape());
      feeds.emplace(port.name, inputs[i].array);
    }
  }
  const graph::Graph graph = model.specialize(specialization);
  graph.verify();
  return evaluate(graph, device, feeds);
}

/// Inputs as inputs if that works, else the integer ones as constants, else all. Throws what the first attempt threw.
std::vector<Array> outputs_of(const onnx::Model& model, const std::vector<Recorded>& inputs, kernels::Device& device) {
  std::optional<Error> first;
  for (const Fixed fixed : {Fixed::none, Fixed::integers, Fixed::all}) {
    try {
      return outputs_of(model, inputs, device, fixed);
    } catch (const Error& error) {
      if (error.code() != Code::kUnsupported) throw;
      if (!first) first = error;
    }
  }
  throw Error(*first);
}

std::optional<std::string> run_data_set(const onnx::Model& model, const fs::path& folder, kernels::Device& device,
                                        const Tolerance& tolerance) {
  const std::vector<Recorded> inputs = read_arrays(folder, "input");
  const std::vector<Recorded> expected = read_arrays(folder, "output");
  if (inputs.size() != model.inputs().size()) {
    return fmt::format("{} inputs recorded for a model with {}", inputs.size(), model.inputs().size());
  }
  const std::vector<Array> actual = outputs_of(model, inputs, device);
  if (actual.size() != expected.size()) return fmt::format("{} outputs instead of {}", actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (const auto wrong = difference(actual[i], expected[i], tolerance))
      return fmt::format("output {}: {}", i, *wrong);
  }
  return std::nullopt;
}

}  // namespace

std::vector<fs::path> find_cases(const fs::path& root) {
  std::vector<fs::path> cases;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() == "model.onnx") cases.push_back(entry.path().parent_path());
  }
  std::ranges::sort(cases);
  return cases;
}

Report run_case(const fs::path& folder, const fs::path& root, kernels::Device& device, const Tolerance& tolerance) {
  Report report;
  report.name = fs::relative(folder, root).string();
  try {
    describe(folder / "model.onnx", report);
    const onnx::Model model = onnx::Model::load(folder / "model.onnx");
    int data_sets = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (!entry.is_directory()) continue;
      ++data_sets;
      if (const auto wrong = run_data_set(model, entry.path(), device, tolerance)) {
        report.reason = fmt::format("{}: {}", entry.path().filename().string(), *wrong);
        return report;
      }
    }
    if (data_sets == 0) {
      report.reason = "no data set";
      return report;
    }
    report.verdict = Verdict::passed;
  } catch (const Error& error) {
    if (error.code() == Code::kUnsupported) report.verdict = Verdict::not_supported;
    report.reason = error.what();
  } catch (const std::exception& error) {
    report.reason = fmt::format("not an mho::Error: {}", error.what());
  }
  return report;
}

}  // namespace mho::conformance
