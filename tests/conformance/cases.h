// One case of the ONNX backend test-suite: a folder with model.onnx and test_data_set_*/input_*.pb, output_*.pb.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "kernels/device.h"

namespace mho::conformance {

/// Allowed: |actual - expected| <= absolute + relative * |expected|, the rule of ONNX's own runner. Its absolute part
/// is 1e-7, less than the float32 errors of up to 2e-7 in some of the recorded values (test_dft_inverse has 1.9e-7 for
/// 0).
struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-6;
};

/// An exception is a case that is known to differ, listed with its reason.
enum class Verdict { passed, failed, not_supported, exception };

struct Report {
  std::string name;  ///< "node/test_add"
  Verdict verdict = Verdict::failed;
  std::string reason;               ///< empty where it passed
  std::int64_t opset = 0;           ///< of ai.onnx; 0 where the model imports none
  std::set<std::string> operators;  ///< "Add", "ai.onnx.ml:TreeEnsemble"
  bool common_types = true;         ///< inputs and outputs are tensors of float, bool and integers of 8 to 64 bits
};

/// All folders below `root` that hold a case, in order of name.
[[nodiscard]] std::vector<std::filesystem::path> find_cases(const std::filesystem::path& root);

/// Never throws.
[[nodiscard]] Report run_case(const std::filesystem::path& folder, const std::filesystem::path& root,
                              kernels::Device& device, const Tolerance& tolerance);

}  // namespace mho::conformance
