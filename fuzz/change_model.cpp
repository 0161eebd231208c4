// A mutator for inputs that end in a model: half of the changes are to bytes, for the parser's sake; half keep the
// model well-formed, for the lowerings'.
#include "change_model.h"

#include <google/protobuf/stubs/logging.h>

#include <cstring>
#include <limits>
#include <random>
#include <string>

#include "support/mutate_model.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace mho::fuzz {

std::size_t change_model(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed) {
  std::minstd_rand random(seed);
  if (random() % 2 == 0 || size > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  const google::protobuf::LogSilencer quiet;
  ::onnx::ModelProto model;
  if (!model.ParseFromArray(data, static_cast<int>(size))) return LLVMFuzzerMutate(data, size, max_size);
  testing::mutate(model, random);
  const std::string bytes = model.SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace mho::fuzz
