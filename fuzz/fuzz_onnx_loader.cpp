// Any bytes: the ONNX loader and the lowerings either make a valid graph or throw mho::Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "attempt.h"
#include "change_model.h"
#include "onnx/model.h"
#include "small_limits.h"

namespace {

/// As declared, or 2, so that most models get past their first node.
mho::Shape shape_for(const mho::onnx::PortInfo& port) {
  mho::Shape shape;
  for (const mho::onnx::Dimension& d : port.shape) shape.push_back(d.extent >= 0 ? d.extent : 2);
  return shape;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mho::fuzz::attempt([&] {
    const auto model = mho::onnx::Model::parse(std::as_bytes(std::span(data, size)), {}, mho::fuzz::small_limits());
    mho::onnx::Model::Specialization specialization;
    for (const auto& port : model.inputs()) specialization.input_shapes[port.name] = shape_for(port);
    for (const std::int64_t scale : {1, 2}) {
      specialization.batch_scale = scale;
      model.specialize(specialization).verify();
    }
  });
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  return mho::fuzz::change_model(data, size, max_size, seed);
}
