// A loaded ONNX model: what it takes, what it gives, which layers it has, and its outputs for given inputs.
#pragma once

#include <mho/array.h>
#include <mho/error.h>
#include <mho/limits.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace mho {

enum class Precision {
  kSingle,    ///< float32 kernels (oneDNN), sums in float64
  kDouble,    ///< float64 throughout, slow: the reference
  kBfloat16,  ///< as kSingle, but convolutions and matrix products round their operands to bfloat16 where that is
              ///< faster (has_bfloat16()); attribute() says what it does to the result (LayerResult::precision_error)
};

struct ModelOptions {
  Precision precision = Precision::kSingle;
  int threads = 0;       ///< 0: all cores
  bool winograd = true;  ///< kSingle: 3 x 3 convolutions by Winograd's algorithm (arXiv 1509.09308) where it pays and
                         ///< no maximum compares what comes of them. Two to three times as fast, and two to three
                         ///< times the rounding of sums one by one; the same bits for every batch and threads
  bool one_example = false;  ///< the inputs together are one example, whatever their leading axes (nodes of a graph)
  Limits limits = {};        ///< what the model may take and cost; set when it is loaded, for good
};

/// Arrays by input name. The leading axis is the example axis wherever the model declares it symbolic or 1; an input
/// whose leading extent is declared as a larger number is shared by all examples. Integer inputs that are shared
/// (a sampling rate, the edges of a graph) become constants where loops, branches or shapes must follow from them.
using Inputs = std::map<std::string, Array, std::less<>>;

/// A declared input or output. `shape` has -1 for symbolic extents, whose symbols are in `symbols` ("" elsewhere).
struct Port {
  std::string name;
  std::string type;  ///< ONNX element type: "float", "int64", …
  Shape shape;
  std::vector<std::string> symbols;
  bool example_axis = true;  ///< false: the leading axis counts no examples, whatever it is
};

/// A tensor that can be attributed: it depends on the input, and the target depends on it.
struct Layer {
  std::string name;  ///< ONNX tensor name
  std::string node;  ///< name of the ONNX node that makes it ("" for inputs)
  std::string op;    ///< its ONNX operator type ("Input" for inputs)
  Shape shape;       ///< for one example: the leading extent is that of batch size 1
  bool cut = false;  ///< every path from the inputs to the target crosses it: attributions sum to F(x) - F(x')
  bool affine_from_input = false;  ///< affine in the interpolated inputs
  bool affine_to_target = false;   ///< the target is affine in it: one gradient is exact
};

/// An ONNX node between what moves and the target that passes no gradient.
struct GradientStop {
  std::string node;
  std::string op;
  std::string reason;  ///< "makes integers", …
};

struct Inspection {
  std::string producer;
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;
  std::size_t onnx_nodes = 0;
  std::size_t primitives = 0;  ///< after lowering and constant folding
  std::int64_t parameters = 0;
  std::string sha256;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  std::string target;             ///< tensor that is attributed by default
  std::string target_note;        ///< e.g. "logits: input of the final Softmax 'prob'"; "" if it is the output itself
  std::vector<std::string> path;  ///< where the path begins: inputs, embeddings, or what was asked for
  std::vector<GradientStop> gradient_stops;
  std::string batching;  ///< how several points are evaluated at once, or why they are looped
  bool batched = false;
  std::vector<Layer> layers;  ///< in the order of computation
};

struct InspectOptions {
  std::map<std::string, Shape, std::less<>> input_shapes;  ///< for inputs with symbolic extents other than the batch
  std::string output;                                      ///< which output is attributed ("": the first)
  bool probability = false;                                ///< keep a final Softmax or Sigmoid in the target
  std::vector<std::string> at;                             ///< as in Request
  /// Their shapes go before input_shapes; the values of integer inputs that all examples share are used where the
  /// model needs them. Empty: none are known.
  Inputs inputs;
};

/// An ONNX model. Copies share the same immutable model; all const functions may be called from several threads.
class Model {
 public:
  /// Throws Error (kIo, kInvalidModel, kUnsupported, kLimit).
  static Model load(const std::filesystem::path& path, const ModelOptions& options = {});
  /// `directory` is where external data may lie; empty: none is read.
  static Model parse(std::span<const std::byte> bytes, const std::filesystem::path& directory = {},
                     const ModelOptions& options = {});

  /// The same model with other options; the file's weights are shared, and the limits stay as they are.
  [[nodiscard]] Model with_options(const ModelOptions& options) const;

  [[nodiscard]] std::vector<Port> inputs() const;
  [[nodiscard]] std::vector<Port> outputs() const;
  /// Of the model file's bytes, hexadecimal; data in other files are not in it.
  [[nodiscard]] std::string sha256() const;
  /// Symbolic extents other than the batch that `input_shapes` does not give are taken as 1.
  [[nodiscard]] Inspection inspect(const InspectOptions& options = {}) const;
  /// All outputs by name for all examples. Infinities are answers like others; NaN is Error(kNumeric), which names the
  /// tensor where the first one arises. Throws Error (kInvalidArgument, kNumeric, …).
  [[nodiscard]] std::map<std::string, Array, std::less<>> run(const Inputs& inputs) const;

  struct Impl;
  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  explicit Model(std::shared_ptr<const Impl> impl);
  std::shared_ptr<const Impl> impl_;
};

/// One row of `mho ops`.
struct OperatorRow {
  std::string name;           ///< "Conv", "com.microsoft:Gelu"
  std::int64_t since;         ///< first opset version supported
  int conformance = 0;        ///< cases of the ONNX backend test-suite with it that pass
  std::string gradient = {};  ///< "yes", "none" or "straight through"
  std::string rule = {};      ///< of DeepLIFT: those of its primitives; "none": it is refused
};
struct PrimitiveRow {
  std::string name;
  std::string affine;
  std::string rule;
};
[[nodiscard]] std::vector<OperatorRow> operator_table();
[[nodiscard]] std::vector<PrimitiveRow> primitive_table();

/// Whether this CPU has instructions that multiply bfloat16 matrices (AMX). Without them kBfloat16 is kSingle.
[[nodiscard]] bool has_bfloat16();

/// "0.1.0".
[[nodiscard]] std::string version();

}  // namespace mho
