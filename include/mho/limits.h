// What a model may take and cost: bounds on what an untrusted file can make of this process.
#pragma once

#include <cstdint>

namespace mho {

/// Every bound is a count, so that a model is refused everywhere or nowhere; Error(kLimit) names the one that was
/// exceeded and how it is raised. The defaults let honest models through. SECURITY.md says what each guards against.
struct Limits {
  std::int64_t tensor_elements = std::int64_t{1} << 33;    ///< of any one tensor, held or only declared; at most 2^38
  std::int64_t nodes = 1'000'000;                          ///< in the file, with subgraphs and functions
  std::int64_t unrolled_nodes = 1'000'000;                 ///< when loops are unrolled and functions inlined
  std::int64_t primitives = 4'000'000;                     ///< that the nodes become, recurrences unrolled
  std::int64_t nesting = 64;                               ///< of subgraphs and functions; at most 256
  std::int64_t constant_elements = std::int64_t{1} << 29;  ///< of all constants that the model computes
  /// Steps of constant and shape arithmetic while a model is specialised: floating-point operations, elements and bytes
  /// read and written, names looked up. 10^9 take some seconds.
  std::int64_t work = 20'000'000'000;
  /// Bytes held for the model: the decoded file, computed constants, the memory of runs, stored path points, results.
  /// Files that are mapped are not counted, nor what oneDNN keeps. 0: what the machine, or the container, has.
  std::int64_t memory = 0;
};

}  // namespace mho
