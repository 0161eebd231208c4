// Puts the parts of a run together as one file.
#pragma once

#include <mho/attribution.h>
#include <mho/parts.h>

#include <optional>
#include <string>
#include <vector>

#include "io/parts_folder.h"

namespace mho::io {

class Assembly {
 public:
  explicit Assembly(const RunPlan& plan) : plan_(plan) {}

  /// The next part, for what must be known before anything is written. Throws Error(kIo) where it does not go with the
  /// others.
  void add(const Result& part);
  /// Writes all parts to `path`, which appears whole or not at all.
  void write(const PartsFolder& folder, bool npz, const std::filesystem::path& path) const;

 private:
  void write_npz(const PartsFolder& folder, const std::filesystem::path& path) const;
  void write_hdf5(const PartsFolder& folder, const std::filesystem::path& path) const;
  /// Metadata of the whole; `arrays` names the array of every layer.
  [[nodiscard]] std::string metadata(const std::vector<std::string>& arrays) const;
  [[nodiscard]] Shape whole_shape(const Array& part) const;

  const RunPlan& plan_;
  std::optional<Result> first_;  ///< the first part
  std::vector<std::string> names_;
};

}  // namespace mho::io
