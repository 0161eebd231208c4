// How much memory a serialized model takes once it is decoded, told from its bytes before any is taken.
#include "onnx/decoded_size.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <string>
#include <unordered_map>

namespace mho::onnx {

namespace {

using MessageType = google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;
using WireFormat = google::protobuf::internal::WireFormatLite;

constexpr std::int64_t kPointer = sizeof(void*);

class Walk {
 public:
  Walk(std::span<const std::byte> bytes, int most_depth)
      : input_(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size())),
        most_depth_(most_depth) {}

  DecodedSize over(const MessageType& type) {
    static_cast<void>(message(type, 1));
    return size_;
  }

 private:
  /// False at damage, and where it is too deep.
  bool message(const MessageType& type, int depth) {
    size_.depth = std::max(size_.depth, depth);
    if (depth > most_depth_) return false;
    size_.bytes += kPointer + object_bytes(type);
    while (const std::uint32_t tag = input_.ReadTag()) {
      if (!field(type.FindFieldByNumber(WireFormat::GetTagFieldNumber(tag)), tag, depth)) return false;
    }
    return input_.ConsumedEntireMessage();
  }

  bool field(const FieldDescriptor* known, std::uint32_t tag, int depth) {
    if (WireFormat::GetTagWireType(tag) != WireFormat::WIRETYPE_LENGTH_DELIMITED) {
      size_.bytes += kElement;  // of a list, or an unknown field
      return WireFormat::SkipField(&input_, tag);
    }
    std::uint32_t length = 0;
    if (!input_.ReadVarint32(&length) ||
        length > static_cast<std::uint32_t>(input_.BytesUntilLimit() < 0 ? input_.BytesUntilTotalBytesLimit()
                                                                         : input_.BytesUntilLimit())) {
      return false;
    }
    if (known != nullptr && known->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const auto limit = input_.PushLimit(static_cast<int>(length));
      if (!message(*known->message_type(), depth + 1)) return false;
      input_.PopLimit(limit);
      return true;
    }
    const bool text = known == nullptr || known->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const bool fixed = known != nullptr &&
                       (known->type() == FieldDescriptor::TYPE_FLOAT || known->type() == FieldDescriptor::TYPE_DOUBLE);
    if (text) size_.bytes += kPointer + static_cast<std::int64_t>(sizeof(std::string));
    // A packed integer takes one byte at least, and up to eight when decoded.
    size_.bytes += text || fixed ? std::int64_t{length} : kElement * std::int64_t{length};
    return input_.Skip(static_cast<int>(length));
  }

  std::int64_t object_bytes(const MessageType& type) {
    auto& bytes = object_bytes_[&type];
    if (bytes == 0) {
      const auto* prototype = google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type);
      bytes = prototype == nullptr ? kPointer : static_cast<std::int64_t>(prototype->SpaceUsedLong());
    }
    return bytes;
  }

  static constexpr std::int64_t kElement = 8;

  CodedInputStream input_;
  int most_depth_;
  DecodedSize size_;
  std::unordered_map<const MessageType*, std::int64_t> object_bytes_;
};

}  // namespace

DecodedSize decoded_size(std::span<const std::byte> bytes, const google::protobuf::Descriptor& type, int most_depth) {
  return Walk(bytes, most_depth).over(type);
}

}  // namespace mho::onnx
