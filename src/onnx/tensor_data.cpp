// The elements of a TensorProto as a constant: inline, typed, or mapped from an external file.
#include "onnx/tensor_data.h"

#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <numeric>
#include <optional>

#include "kernels/limit_names.h"

namespace mho::onnx {

namespace {

using kernels::Constant;
using ::onnx::TensorProto;

static_assert(std::endian::native == std::endian::little, "ONNX raw data is little-endian");

float from_half(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1FU;
  const std::uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero and subnormal: fraction * 2^-24
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 0xFFU : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

float from_bfloat16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

template <class To, class Elements, class Convert>
Constant converted(const Shape& shape, const Elements& elements, Convert convert) {
  Array array(DTypeOf<To>::value, shape);
  std::ranges::transform(elements, array.template as<To>().begin(), convert);
  return Constant::from(std::move(array));
}

/// Elements of type T at any alignment.
template <class T>
std::vector<T> unaligned(std::span<const std::byte> bytes) {
  std::vector<T> elements(bytes.size() / sizeof(T));
  if (!bytes.empty()) std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

template <class T>
Constant widened(const Shape& shape, std::span<const std::byte> bytes) {
  return converted<std::int64_t>(shape, unaligned<T>(bytes), [](T v) { return static_cast<std::int64_t>(v); });
}

/// Bytes that can be used as they lie: shared if aligned, else copied.
Constant shared(DType dtype, const Shape& shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(dtype) == 0;
  if (aligned && owner != nullptr && !bytes.empty()) {
    return {{dtype, shape, kernels::Layout::plain}, std::shared_ptr<const std::byte>(std::move(owner), bytes.data())};
  }
  Array array(dtype, shape);
  if (!bytes.empty()) std::memcpy(array.bytes().data(), bytes.data(), bytes.size());
  return Constant::from(std::move(array));
}

/// Bytes per element in raw_data and external files; 0 for types that mho does not read.
std::size_t raw_size(int type) {
  switch (type) {
    case TensorProto::BOOL:
    case TensorProto::INT8:
    case TensorProto::UINT8:
      return 1;
    case TensorProto::INT16:
    case TensorProto::UINT16:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return 2;
    case TensorProto::FLOAT:
    case TensorProto::INT32:
    case TensorProto::UINT32:
      return 4;
    case TensorProto::DOUBLE:
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return 8;
    default:
      return 0;
  }
}

Constant from_raw(int type, const Shape& shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  switch (type) {
    case TensorProto::FLOAT:
      return shared(DType::f32, shape, bytes, std::move(owner));
    case TensorProto::DOUBLE:
      return shared(DType::f64, shape, bytes, std::move(owner));
    case TensorProto::INT64:
    case TensorProto::UINT64:
      return shared(DType::i64, shape, bytes, std::move(owner));
    case TensorProto::BOOL:  // any byte but 0 and 1 would not be a bool
      return converted<bool>(shape, bytes, [](std::byte b) { return b != std::byte{0}; });
    case TensorProto::INT8:
      return widened<std::int8_t>(shape, bytes);
    case TensorProto::UINT8:
      return widened<std::uint8_t>(shape, bytes);
    case TensorProto::INT16:
      return widened<std::int16_t>(shape, bytes);
    case TensorProto::UINT16:
      return widened<std::uint16_t>(shape, bytes);
    case TensorProto::INT32:
      return widened<std::int32_t>(shape, bytes);
    case TensorProto::UINT32:
      return widened<std::uint32_t>(shape, bytes);
    case TensorProto::FLOAT16:
      return converted<float>(shape, unaligned<std::uint16_t>(bytes), from_half);
    case TensorProto::BFLOAT16:
      return converted<float>(shape, unaligned<std::uint16_t>(bytes), from_bfloat16);
    default:
      throw Error(Code::kInternal, "an element type without raw form");
  }
}

/// From the typed fields (float_data, int32_data, …); nothing if they do not hold `count` elements.
std::optional<Constant> from_fields(const TensorProto& t, const Shape& shape, std::int64_t count) {
  const auto holds = [&](const auto& field) { return field.size() == count; };
  const auto integers = [&](const auto& field) {
    return converted<std::int64_t>(shape, field, [](auto v) { return static_cast<std::int64_t>(v); });
  };
  const auto halves = [&](float (*widen)(std::uint16_t)) {
    return converted<float>(shape, t.int32_data(),
                            [&](std::int32_t v) { return widen(static_cast<std::uint16_t>(v)); });
  };
  switch (t.data_type()) {
    case TensorProto::FLOAT:
      if (holds(t.float_data())) return converted<float>(shape, t.float_data(), [](float v) { return v; });
      break;
    case TensorProto::DOUBLE:
      if (holds(t.double_data())) return converted<double>(shape, t.double_data(), [](double v) { return v; });
      break;
    case TensorProto::INT64:
      if (holds(t.int64_data())) return integers(t.int64_data());
      break;
    case TensorProto::UINT32:
    case TensorProto::UINT64:
      if (holds(t.uint64_data())) return integers(t.uint64_data());
      break;
    case TensorProto::FLOAT16:
      if (holds(t.int32_data())) return halves(from_half);
      break;
    case TensorProto::BFLOAT16:
      if (holds(t.int32_data())) return halves(from_bfloat16);
      break;
    case TensorProto::BOOL:
      if (holds(t.int32_data())) return converted<bool>(shape, t.int32_data(), [](std::int32_t v) { return v != 0; });
      break;
    default:
      if (holds(t.int32_data())) return integers(t.int32_data());
      break;
  }
  return std::nullopt;
}

std::size_t parse_number(const std::string& text, const std::string& what, const char* field) {
  std::size_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || rest != end) {
    throw Error(Code::kInvalidModel,
                fmt::format("{}: the {} '{}' of its external data is not a number", what, field, text));
  }
  return value;
}

}  // namespace

std::string onnx_type_name(int data_type) {
  static constexpr const char* kNames[] = {"undefined", "float",  "uint8",     "int8",       "uint16",  "int16",
                                           "int32",     "int64",  "string",    "bool",       "float16", "double",
                                           "uint32",    "uint64", "complex64", "complex128", "bfloat16"};
  if (data_type < 0 || data_type >= static_cast<int>(std::size(kNames))) return fmt::format("type {}", data_type);
  return kNames[data_type];
}

DType dtype_of(int data_type, const std::string& what) {
  switch (data_type) {
    case TensorProto::FLOAT:
    case TensorProto::DOUBLE:
    case TensorProto::FLOAT16:
    case TensorProto::BFLOAT16:
      return graph::kReal;
    case TensorProto::BOOL:
      return DType::b8;
    default:
      if (raw_size(data_type) != 0) return DType::i64;
      throw Error(Code::kUnsupported,
                  fmt::format("{} has elements of ONNX type {}; supported are float, double, float16, bfloat16, bool "
                              "and the integers of 8 to 64 bits",
                              what, onnx_type_name(data_type)));
  }
}

void check_shape(const Shape& shape, std::int64_t most, const std::string& what) {
  if (shape.size() > kMostAxes) {
    throw Error(Code::kLimit, fmt::format("{} has {} axes; at most {} are supported", what, shape.size(), kMostAxes));
  }
  if (std::ranges::any_of(shape, [](std::int64_t extent) { return extent < 0; })) {
    throw Error(Code::kInvalidModel,
                fmt::format("{} has the shape {}: extents cannot be negative", what, to_string(shape)));
  }
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent > 1 && count > most / extent) {
      const double elements = std::accumulate(shape.begin(), shape.end(), 1.0, [](double product, std::int64_t n) {
        return product * std::max<double>(static_cast<double>(n), 1);
      });
      throw kernels::over_limit(fmt::format("{} has the shape {}: {:.6g} elements", what, to_string(shape), elements),
                                most, kernels::kTensorLimit);
    }
    count *= std::max<std::int64_t>(extent, 1);
  }
}

TensorReader::TensorReader(std::shared_ptr<const void> owner, std::filesystem::path directory, const Limits& limits,
                           kernels::MemoryShare& memory)
    : owner_(std::move(owner)), directory_(std::move(directory)), limits_(limits), memory_(memory) {}

Constant TensorReader::read(const TensorProto& tensor, const std::string& what) {
  static_cast<void>(dtype_of(tensor.data_type(), what));
  const Shape shape(tensor.dims().begin(), tensor.dims().end());
  check_shape(shape, limits_.tensor_elements, what);
  Constant constant = read_elements(tensor, shape, what);
  const auto bytes = static_cast<std::int64_t>(constant.type.bytes());
  bytes_read_ += bytes;
  // What is used where it lies was counted with the decoded model, or is mapped.
  const bool copied = constant.data.use_count() == 1;
  if (copied) memory_.take(bytes, what);
  return constant;
}

Constant TensorReader::read_elements(const TensorProto& tensor, const Shape& shape, const std::string& what) {
  const std::int64_t count = element_count(shape);
  if (tensor.data_location() == TensorProto::EXTERNAL) return read_external(tensor, shape, what);
  if (tensor.has_raw_data()) {
    const std::string& raw = tensor.raw_data();
    const auto size = static_cast<std::size_t>(count) * raw_size(tensor.data_type());
    if (raw.size() != size) {
      throw Error(Code::kInvalidModel,
                  fmt::format("{} of shape {} and type {} needs {} bytes, the file holds {}", what, to_string(shape),
                              onnx_type_name(tensor.data_type()), size, raw.size()));
    }
    return from_raw(tensor.data_type(), shape, std::as_bytes(std::span(raw)), owner_);
  }
  if (auto constant = from_fields(tensor, shape, count)) return *std::move(constant);
  throw Error(Code::kInvalidModel, fmt::format("{} of shape {} and type {} needs {} elements, the file holds another "
                                               "number",
                                               what, to_string(shape), onnx_type_name(tensor.data_type()), count));
}

Constant TensorReader::read_external(const TensorProto& tensor, const Shape& shape, const std::string& what) {
  namespace fs = std::filesystem;
  const auto refuse = [&](const std::string& reason) {
    throw Error(Code::kInvalidModel, fmt::format("{}: {}", what, reason));
  };
  std::string location;
  std::size_t offset = 0;
  std::optional<std::size_t> length;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = parse_number(entry.value(), what, "offset");
    if (entry.key() == "length") length = parse_number(entry.value(), what, "length");
  }
  if (directory_.empty()) refuse("its data is external, and no folder for external data was given");
  if (location.empty() || location.find('\0') != std::string::npos) refuse("its external data has no location");

  // The path may be anything: it must lead to a file inside the model's folder, links followed.
  const fs::path relative(location);
  const bool climbs = std::ranges::any_of(relative, [](const fs::path& part) { return part == ".."; });
  if (relative.is_absolute() || climbs) {
    refuse(fmt::format("external data '{}' is outside the model's folder, which is not allowed", location));
  }
  std::error_code error;
  const fs::path folder = fs::canonical(directory_, error);
  if (error) throw Error(Code::kIo, fmt::format("cannot read '{}': {}", directory_.string(), error.message()));
  const fs::path path = fs::canonical(folder / relative, error);
  if (error) {
    throw Error(Code::kIo, fmt::format("{}: cannot read its external data '{}' in '{}': {}", what, location,
                                       folder.string(), error.message()));
  }
  if (std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first != folder.end()) {
    refuse(fmt::format("external data '{}' leads outside the model's folder, which is not allowed", location));
  }

  auto& file = files_[path];
  if (!file) file = MappedFile::open(path);
  const std::span<const std::byte> bytes = file->bytes();
  const auto size = static_cast<std::size_t>(element_count(shape)) * raw_size(tensor.data_type());
  if (length && *length != size) {
    refuse(fmt::format("it needs {} bytes, its external data declares {}", size, *length));
  }
  if (offset > bytes.size() || bytes.size() - offset < size) {
    refuse(fmt::format("it needs {} bytes at offset {} of '{}', which has {}", size, offset, location, bytes.size()));
  }
  return from_raw(tensor.data_type(), shape, bytes.subspan(offset, size), file);
}

}  // namespace mho::onnx
