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

/// Throws Error naming `what` if an extent of `shape` is negative (kInvalidModel), or if their product is more than
/// `most` (kLimit). Extents of 0 do not make the others harmless, so they count as 1.
void check_shape(const Shape& shape, std::int64_t most, const std::string& what);

/// Reads tensors, sharing memory where the bytes can be used as they lie.
class TensorReader {
 public:
  /// `owner` keeps the memory of inline data alive; external files are looked up in `directory` (empty: none are).
  TensorReader(std::shared_ptr<const void> owner, std::filesystem::path directory, const LoadLimits& limits);
  /// Throws Error: kInvalidModel (size and data disagree, bad external location), kUnsupported (element type),
  /// kLimit, kIo (external file).
  [[nodiscard]] kernels::Constant read(const ::onnx::TensorProto& tensor, const std::string& what);

 private:
  [[nodiscard]] kernels::Constant read_external(const ::onnx::TensorProto& tensor, const Shape& shape,
                                                const std::string& what);

  std::shared_ptr<const void> owner_;
  std::filesystem::path directory_;
  LoadLimits limits_;
  std::map<std::filesystem::path, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace mho::onnx
