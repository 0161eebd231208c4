// The examples of a run in chunks: inputs are read, targets and baselines cut, for one chunk at a time.
#pragma once

#include <mho/attribution.h>

#include <map>
#include <string>
#include <vector>

#include "arguments.h"
#include "sources.h"

namespace mho::cli {

class Chunks {
 public:
  /// Opens the inputs, and reads targets and baselines. Throws Error as prepare() does.
  Chunks(const AttributeArguments& arguments, const std::vector<Port>& ports, const std::vector<std::string>& labels,
         Request& request);

  [[nodiscard]] std::int64_t examples() const { return range_.last - range_.first; }
  /// Number of the first example in the files.
  [[nodiscard]] std::int64_t first() const { return range_.first; }
  /// Inputs of examples first to last (excluded), counted from the first that is kept.
  [[nodiscard]] Inputs inputs(std::int64_t first, std::int64_t last) const;
  [[nodiscard]] std::vector<std::string> names(std::int64_t first, std::int64_t last) const;
  /// Puts what belongs to these examples into the request.
  void cut(std::int64_t first, std::int64_t last, Request& request) const;
  /// Checksums of what the results depend on besides inputs and options.
  [[nodiscard]] std::map<std::string, std::string> checksums() const;
  /// Checksum of some examples, spread over all; never 0.
  [[nodiscard]] std::uint32_t sample() const;

 private:
  void read_baseline(const AttributeArguments& arguments, Request& request);
  [[nodiscard]] Inputs mean() const;
  [[nodiscard]] bool has_examples(const std::string& input, const Shape& shape) const;

  std::vector<Port> ports_;
  Sources sources_;
  std::vector<std::string> names_;
  std::int64_t count_ = 0;  ///< examples in the files
  ExampleRange range_;
  Target target_;
  Baseline baseline_;
};

}  // namespace mho::cli
