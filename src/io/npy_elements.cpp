// Reads the elements of .npy arrays: any byte order, C or Fortran order, every integer, float and boolean type.
#include <fmt/format.h>
#include <mho/error.h>

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "io/npy_format.h"

namespace mho::io {

namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read and written as little endian");

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1Fu;
  const std::uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) {  // zero and subnormals: fraction * 2^-24, exact in float32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 0xFFu : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

/// Which type of mho holds every value of a NumPy type.
struct ElementType {
  DType dtype;
  bool direct;  ///< the bytes are already those of `dtype`
};

ElementType element_type(const NpyHeader& header, std::string_view what) {
  switch (header.kind) {
    case 'f':
      if (header.item_size == 2) return {DType::f32, false};
      if (header.item_size == 4) return {DType::f32, true};
      if (header.item_size == 8) return {DType::f64, true};
      break;
    case 'i':
      if (header.item_size == 1 || header.item_size == 2) return {DType::i32, false};
      if (header.item_size == 4) return {DType::i32, true};
      if (header.item_size == 8) return {DType::i64, true};
      break;
    case 'u':
      if (header.item_size == 1 || header.item_size == 2) return {DType::i32, false};
      if (header.item_size == 4 || header.item_size == 8) return {DType::i64, false};
      break;
    case 'b':
      if (header.item_size == 1) return {DType::b8, false};
      break;
    default:
      break;
  }
  throw Error(Code::kUnsupported,
              fmt::format("{}: has elements of NumPy type '{}{}'; integers, floats to 64 bits and booleans are "
                          "supported (convert with astype)",
                          what, header.kind, header.item_size));
}

void swap_bytes(std::span<std::byte> bytes, std::size_t item_size) {
  for (std::size_t i = 0; i + item_size <= bytes.size(); i += item_size) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(i),
                 bytes.begin() + static_cast<std::ptrdiff_t>(i + item_size));
  }
}

template <class To, class From, class Convert>
void convert(std::span<const std::byte> bytes, std::span<To> into, Convert&& function) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    into[i] = function(value);
  }
}

/// Converts the `bytes` of elements that start at element `first` of `array`.
void convert_block(std::span<const std::byte> bytes, const NpyHeader& header, std::size_t first, Array& array,
                   std::string_view what) {
  const std::size_t count = bytes.size() / header.item_size;
  const auto widen = [](auto value) { return static_cast<std::int32_t>(value); };
  if (header.kind == 'f') {
    convert<float, std::uint16_t>(bytes, array.as<float>().subspan(first, count), half_to_float);
  } else if (header.kind == 'b') {
    convert<bool, std::uint8_t>(bytes, array.as<bool>().subspan(first, count), [](auto value) { return value != 0; });
  } else if (header.kind == 'i' && header.item_size == 1) {
    convert<std::int32_t, std::int8_t>(bytes, array.as<std::int32_t>().subspan(first, count), widen);
  } else if (header.kind == 'i') {
    convert<std::int32_t, std::int16_t>(bytes, array.as<std::int32_t>().subspan(first, count), widen);
  } else if (header.item_size == 1) {
    convert<std::int32_t, std::uint8_t>(bytes, array.as<std::int32_t>().subspan(first, count), widen);
  } else if (header.item_size == 2) {
    convert<std::int32_t, std::uint16_t>(bytes, array.as<std::int32_t>().subspan(first, count), widen);
  } else if (header.item_size == 4) {
    convert<std::int64_t, std::uint32_t>(bytes, array.as<std::int64_t>().subspan(first, count),
                                         [](auto value) { return static_cast<std::int64_t>(value); });
  } else {
    convert<std::int64_t, std::uint64_t>(bytes, array.as<std::int64_t>().subspan(first, count), [&](auto value) {
      if (!std::in_range<std::int64_t>(value)) {
        throw Error(Code::kLimit, fmt::format("{}: has the uint64 value {}, too large for int64", what, value));
      }
      return static_cast<std::int64_t>(value);
    });
  }
}

/// Copies an array whose elements lie first axis fastest (`source`, with axes reversed) into row-major order.
Array from_fortran_order(const Array& source, const Shape& shape) {
  Array result(source.dtype(), shape);
  const std::size_t item = size_of(source.dtype());
  std::vector<std::size_t> stride(shape.size());
  std::size_t step = item;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    stride[axis] = step;
    step *= static_cast<std::size_t>(shape[axis]);
  }
  std::vector<std::int64_t> index(shape.size(), 0);
  const auto from = source.bytes();
  const auto into = result.bytes();
  std::size_t offset = 0;
  for (std::size_t at = 0; at < into.size(); at += item) {
    std::memcpy(into.data() + at, from.data() + offset, item);
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      offset += stride[axis];
      if (++index[axis] < shape[axis]) break;
      offset -= stride[axis] * static_cast<std::size_t>(shape[axis]);
      index[axis] = 0;
    }
  }
  return result;
}

std::uint64_t checked_count(const NpyHeader& header, std::string_view what) {
  try {
    return static_cast<std::uint64_t>(element_count(header.shape));
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", what, error.what()));
  }
}

}  // namespace

Array read_npy_elements(ByteSource& source, const NpyHeader& header, std::string_view what) {
  const ElementType type = element_type(header, what);
  const std::uint64_t count = checked_count(header, what);
  // The size is checked against what is really there before anything is allocated.
  if (count > source.remaining() / header.item_size) {
    throw Error(Code::kIo, fmt::format("{}: its header says shape {} of {} bytes each, but only {} bytes follow; it is "
                                       "truncated or damaged",
                                       what, to_string(header.shape), header.item_size, source.remaining()));
  }
  Array array(type.dtype, header.shape);
  if (type.direct) {
    source.read(array.bytes());
    if (header.big_endian) swap_bytes(array.bytes(), header.item_size);
  } else {
    std::vector<std::byte> block(header.item_size << 16);
    for (std::uint64_t first = 0; first < count;) {
      const std::uint64_t here = std::min<std::uint64_t>(count - first, std::uint64_t{1} << 16);
      const auto bytes = std::span(block).first(static_cast<std::size_t>(here) * header.item_size);
      source.read(bytes);
      if (header.big_endian) swap_bytes(bytes, header.item_size);
      convert_block(bytes, header, static_cast<std::size_t>(first), array, what);
      first += here;
    }
  }
  if (header.fortran_order && header.shape.size() > 1) return from_fortran_order(array, header.shape);
  return array;
}

}  // namespace mho::io
