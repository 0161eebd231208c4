// How much memory a serialized model takes once it is decoded, told from its bytes before any is taken.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace mho::onnx {

struct DecodedSize {
  std::int64_t bytes = 0;  ///< of the message's objects, strings and elements; a few per cent too much
  int depth = 0;           ///< of messages in messages; that of the message itself is 1
};

/// Walks over the fields of a message of `type`; a few bytes may stand for an object of hundreds. Stops behind the
/// first damage (the decoder refuses that), and at messages more than `most_depth` deep.
[[nodiscard]] DecodedSize decoded_size(std::span<const std::byte> bytes, const google::protobuf::Descriptor& type,
                                       int most_depth);

}  // namespace mho::onnx
