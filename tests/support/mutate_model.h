// A change to an ONNX model that leaves it well-formed, so that the fuzzer gets past the protobuf parser.
#pragma once

#include <onnx/onnx_pb.h>

#include <random>

namespace mho::testing {

/// One to four random changes: extents, attributes, elements, element types, names, operators, versions.
void mutate(::onnx::ModelProto& model, std::minstd_rand& random);

}  // namespace mho::testing
