// The elements of a TensorProto as a constant: inline, typed, or mapped from an external file.
#pragma once

#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "kernels/tensor.h"
#include "onnx/mapped_file.h"
#include "onnx/model.h"

namespace mho::onnx {

/// "float", "int64", …; "type 99" for what ONNX does not define.
[[nodiscard]] std::string onnx_type_name(int data_type);
/// The type mho computes an ONNX element type in; throws Error(kUnsupported) naming `what`.
[[nodiscard]] DType dtype_of(int data_type, const std::string& what);

/// Axes that a tensor may have.
inline constexpr std::size_t kMostAxes = 64;

/// Throws Error naming `what` if an extent of `shape` is negative (kInvalidModel), or if their product is more than
/// `most` or their number more than kMostAxes (kLimit). Extents of 0 do not make the others harmless: they count as 1.
void check_shape(const Shape& shape, std::int64_t most, const std::string& what);

/// Reads tensors, sharing memory where the bytes can be used as they lie.
class TensorReader {
 public:
  /// `owner` keeps the memory of inline data alive; external files are looked up in `directory` (empty: none are).
  /// Copies are counted in `memory`, which must outlive this.
  TensorReader(std::shared_ptr<const void> owner, std::filesystem::path directory, const Limits& limits,
               kernels::MemoryShare& memory);
  /// Throws Error: kInvalidModel (size and data disagree, bad external location), kUnsupported (element type),
  /// kLimit, kIo (external file).
  [[nodiscard]] kernels::Constant read(const ::onnx::TensorProto& tensor, const std::string& what);
  /// Bytes of all tensors read so far.
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }

 private:
  [[nodiscard]] kernels::Constant read_elements(const ::onnx::TensorProto& tensor, const Shape& shape,
                                                const std::string& what);
  [[nodiscard]] kernels::Constant read_external(const ::onnx::TensorProto& tensor, const Shape& shape,
                                                const std::string& what);

  std::shared_ptr<const void> owner_;
  std::filesystem::path directory_;
  Limits limits_;
  kernels::MemoryShare& memory_;
  std::int64_t bytes_read_ = 0;
  std::map<std::filesystem::path, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace mho::onnx
