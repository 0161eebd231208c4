// The public array (declared in <mho/array.h>); it stands on the lowest floor because all floors use it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/array.h>
#include <mho/error.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace mho {

std::size_t size_of(DType type) noexcept {
  switch (type) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::b8:
      return 1;
  }
  return 0;
}

const char* to_string(DType type) noexcept {
  switch (type) {
    case DType::f32:
      return "float32";
    case DType::f64:
      return "float64";
    case DType::i64:
      return "int64";
    case DType::i32:
      return "int32";
    case DType::b8:
      return "bool";
  }
  return "?";
}

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::int64_t element_count(const Shape& shape) {
  // Below 2^56 elements, so that a count of bytes (at most 8 each) cannot overflow either.
  constexpr std::int64_t kMost = std::int64_t{1} << 56;
  std::int64_t count = 1;
  bool has_zero = false;
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw Error(Code::kLimit, fmt::format("shape {} has a negative extent", to_string(shape)));
    if (extent == 0) {
      has_zero = true;
      continue;
    }
    if (count > kMost / extent) {
      throw Error(Code::kLimit, fmt::format("shape {} has too many elements to address", to_string(shape)));
    }
    count *= extent;
  }
  return has_zero ? 0 : count;
}

Array::Array(DType dtype, Shape shape) : dtype_(dtype), shape_(std::move(shape)), size_(element_count(shape_)) {
  const std::size_t bytes = static_cast<std::size_t>(size_) * size_of(dtype_);
  storage_.resize((bytes + sizeof(Chunk) - 1) / sizeof(Chunk));
}

template <class T>
Array::Array(Shape shape, std::span<const T> values) : Array(DTypeOf<T>::value, std::move(shape)) {
  if (static_cast<std::int64_t>(values.size()) != size_) {
    throw Error(Code::kInvalidArgument,
                fmt::format("array of shape {} needs {} values, got {}", to_string(shape_), size_, values.size()));
  }
  if (!values.empty()) std::memcpy(storage_.data(), values.data(), values.size_bytes());
}

template Array::Array(Shape, std::span<const float>);
template Array::Array(Shape, std::span<const double>);
template Array::Array(Shape, std::span<const std::int64_t>);
template Array::Array(Shape, std::span<const std::int32_t>);

Array Array::borrow(DType dtype, Shape shape, std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  Array array(dtype, Shape{0});
  array.size_ = element_count(shape);
  array.shape_ = std::move(shape);
  const std::size_t needed = static_cast<std::size_t>(array.size_) * size_of(dtype);
  if (bytes.size() != needed) {
    throw Error(Code::kInvalidArgument,
                fmt::format("array of shape {} needs {} bytes, got {}", to_string(array.shape_), needed, bytes.size()));
  }
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % size_of(dtype) != 0) {
    throw Error(Code::kInvalidArgument, fmt::format("borrowed elements of type {} are not aligned to {} bytes",
                                                    to_string(dtype), size_of(dtype)));
  }
  if (array.size_ == 0) return array;
  array.borrowed_ = bytes.data();
  array.owner_ = std::move(owner);
  return array;
}

const std::byte* Array::data() const noexcept {
  return borrowed_ != nullptr ? borrowed_ : reinterpret_cast<const std::byte*>(storage_.data());
}

std::span<const std::byte> Array::bytes() const noexcept {
  return {data(), static_cast<std::size_t>(size_) * size_of(dtype_)};
}

std::span<std::byte> Array::bytes() {
  if (borrowed_ != nullptr) {
    Array own(dtype_, shape_);
    std::memcpy(own.storage_.data(), borrowed_, static_cast<std::size_t>(size_) * size_of(dtype_));
    *this = std::move(own);
  }
  return {reinterpret_cast<std::byte*>(storage_.data()), static_cast<std::size_t>(size_) * size_of(dtype_)};
}

void Array::require(DType wanted) const {
  if (wanted != dtype_) {
    throw Error(Code::kInvalidArgument, fmt::format("array holds {}, not {}", to_string(dtype_), to_string(wanted)));
  }
}

namespace {

template <class Visitor>
void visit(DType dtype, Visitor&& visitor) {
  switch (dtype) {
    case DType::f32:
      return visitor(float{});
    case DType::f64:
      return visitor(double{});
    case DType::i64:
      return visitor(std::int64_t{});
    case DType::i32:
      return visitor(std::int32_t{});
    case DType::b8:
      return visitor(bool{});
  }
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    // Out-of-range conversions are undefined in C++; saturate instead.
    if (std::isnan(value)) return To{0};
    const double low = static_cast<double>(std::numeric_limits<To>::min());
    const double high = static_cast<double>(std::numeric_limits<To>::max());
    if (static_cast<double>(value) <= low) return std::numeric_limits<To>::min();
    if (static_cast<double>(value) >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

Array Array::to(DType dtype) const {
  Array result(dtype, shape_);
  visit(dtype_, [&](auto from) {
    visit(dtype, [&](auto to) {
      const auto source = as<decltype(from)>();
      const auto target = result.as<decltype(to)>();
      for (std::size_t i = 0; i < source.size(); ++i) target[i] = convert<decltype(to)>(source[i]);
    });
  });
  return result;
}

double Array::at(std::int64_t index) const {
  if (index < 0 || index >= size_) {
    throw Error(Code::kInvalidArgument, fmt::format("index {} is outside an array of {} elements", index, size_));
  }
  double value = 0;
  visit(dtype_, [&](auto from) { value = static_cast<double>(as<decltype(from)>()[static_cast<std::size_t>(index)]); });
  return value;
}

}  // namespace mho
