// The names in a folder of parts, and their removal: nothing else in there is touched.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mho::io {

struct PartsFolder {
  static constexpr const char* kLock = "lock";

  std::filesystem::path path;

  [[nodiscard]] std::filesystem::path manifest() const { return path / "manifest.json"; }
  [[nodiscard]] std::filesystem::path done() const { return path / "done"; }
  [[nodiscard]] std::filesystem::path whole() const { return path / "whole"; }
  [[nodiscard]] std::filesystem::path part(std::int64_t index) const;

  /// What a killed process was writing.
  void remove_temporaries() const;
  /// All but the lock; the mark `done` goes last, so that a removal that is cut short is still known as one.
  void remove_contents() const;
  /// The lock and the folder, where that is empty now.
  void remove_lock() const noexcept;
};

}  // namespace mho::io
