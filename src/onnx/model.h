// Reads an ONNX model and lowers it, for given input shapes, to a graph of primitives: the floor's public header.
#pragma once

#include <mho/limits.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "kernels/memory_meter.h"

namespace mho::onnx {

/// One extent of a declared shape: a number, or a symbol ("N"), or unknown (empty symbol, extent -1).
struct Dimension {
  std::int64_t extent = -1;
  std::string symbol;
};

struct PortInfo {
  std::string name;
  DType dtype = DType::f32;  ///< the type mho computes in
  int element_type = 0;      ///< TensorProto.DataType
  std::string onnx_type;     ///< "float", "int64", "float16", …
  std::vector<Dimension> shape;
  bool has_shape = true;  ///< false: the model declares no shape, not even the rank
};

/// A parsed and checked model. Immutable, shareable between threads.
class Model {
 public:
  /// Throws Error: kIo, kInvalidModel, kUnsupported (naming all unsupported operators at once), kLimit. The limits hold
  /// for everything that is done with the model later.
  static Model load(const std::filesystem::path& path, const Limits& limits = {});
  /// From memory; external data is looked up in `directory` (empty: not allowed).
  static Model parse(std::span<const std::byte> bytes, const std::filesystem::path& directory = {},
                     const Limits& limits = {});
  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  /// Inputs that are not initializers.
  [[nodiscard]] const std::vector<PortInfo>& inputs() const;
  [[nodiscard]] const std::vector<PortInfo>& outputs() const;
  [[nodiscard]] std::int64_t opset() const;
  [[nodiscard]] std::int64_t ir_version() const;
  [[nodiscard]] std::string producer() const;
  [[nodiscard]] std::size_t node_count() const;
  [[nodiscard]] std::int64_t parameter_count() const;  ///< elements of real initializers
  [[nodiscard]] std::string sha256() const;            ///< of the model file's bytes, hexadecimal
  /// Counts the memory held for this model.
  [[nodiscard]] const std::shared_ptr<kernels::MemoryMeter>& memory() const;

  struct Specialization {
    /// Shape of every input that is not fixed, by name.
    std::map<std::string, Shape, std::less<>> input_shapes;
    /// Factor by which the leading axis exceeds what the model declares: a Reshape to a constant shape whose element
    /// count is short by exactly this factor is given it on its leading axis.
    std::int64_t batch_scale = 1;
    /// Inputs whose values are known and folded into the graph (e.g. a scalar sampling rate).
    std::map<std::string, kernels::Constant, std::less<>> fixed_inputs;
  };
  /// Lowers to primitives. Graph inputs and outputs are in the model's order (fixed inputs left out).
  /// Throws Error(kUnsupported) with node name and operator, kInvalidModel where shapes do not fit, or kLimit.
  [[nodiscard]] graph::Graph specialize(const Specialization& specialization) const;

 private:
  struct Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One row of `mho ops`: an ONNX operator that can be lowered.
struct OperatorFacts {
  std::string domain;  ///< "" is ai.onnx
  std::string type;
  std::int64_t since;         ///< first opset version of the lowering
  int conformance = 0;        ///< cases of the ONNX backend test-suite with it that pass
  std::string gradient = {};  ///< see onnx/verified.h
  std::string rule = {};      ///< likewise
};
[[nodiscard]] std::vector<OperatorFacts> supported_operators();

/// Reads one serialized TensorProto (the .pb files of the ONNX test-suite).
[[nodiscard]] Array read_tensor_proto(std::span<const std::byte> bytes);

}  // namespace mho::onnx
