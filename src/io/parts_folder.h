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
  /// Held by the process that computes a shard.
  [[nodiscard]] std::filesystem::path shard_lock(std::int64_t index, std::int64_t count) const;
  /// Held while a shard's process looks for a manifest, or writes one.
  [[nodiscard]] std::filesystem::path manifest_lock() const { return path / "manifest.lock"; }

  /// What a killed process was writing.
  void remove_temporaries() const;
  /// All but the locks; the mark `done` goes last, so that a removal that is cut short is still known as one.
  void remove_contents() const;
  /// The locks and the folder, where that holds nothing else.
  void remove_locks() const noexcept;
};

}  // namespace mho::io
