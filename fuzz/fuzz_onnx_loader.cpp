// Any bytes: the ONNX loader and the lowerings either make a valid graph or throw mho::Error.
#include <google/protobuf/stubs/logging.h>
#include <mho/error.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <span>
#include <string>

#include "mutate_model.h"
#include "onnx/model.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

/// Constants cost time and memory; tensors that are never computed may have any size.
mho::onnx::LoadLimits small_limits() {
  mho::onnx::LoadLimits limits;
  limits.max_nodes = 200;
  limits.max_lowered_nodes = 1000;
  limits.max_graph_nodes = 20'000;
  limits.max_constant_elements = 1 << 18;
  limits.max_constant_operations = 1e7;
  return limits;
}

/// As declared, or 2, so that most models get past their first node.
mho::Shape shape_for(const mho::onnx::PortInfo& port) {
  mho::Shape shape;
  for (const mho::onnx::Dimension& d : port.shape) shape.push_back(d.extent >= 0 ? d.extent : 2);
  return shape;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto model = mho::onnx::Model::parse(std::as_bytes(std::span(data, size)), {}, small_limits());
    mho::onnx::Model::Specialization specialization;
    for (const auto& port : model.inputs()) specialization.input_shapes[port.name] = shape_for(port);
    for (const std::int64_t scale : {1, 2}) {
      specialization.batch_scale = scale;
      model.specialize(specialization).verify();
    }
  } catch (const mho::Error& error) {
    // A file must not be able to show us a bug of our own.
    if (error.code() == mho::Code::kInternal) std::abort();
  }
  return 0;
}

/// Half of the changes are to bytes, for the parser's sake; half keep the model well-formed, for the lowerings'.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  std::minstd_rand random(seed);
  if (random() % 2 == 0 || size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const google::protobuf::LogSilencer quiet;
  onnx::ModelProto model;
  if (!model.ParseFromArray(data, static_cast<int>(size))) return LLVMFuzzerMutate(data, size, max_size);
  mho::fuzz::mutate(model, random);
  const std::string bytes = model.SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
