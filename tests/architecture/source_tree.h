// The project's sources as the architecture tests see them: paths, lines of code, #include lines.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mho::architecture {

struct Include {
  std::string path;
  bool quoted = false;  ///< "…" and not <…>
};

struct Source {
  std::string path;  ///< relative to the project, with forward slashes
  std::string text;  ///< as it is
  std::string code;  ///< without comments and without the contents of string literals
  std::size_t lines = 0;
  std::vector<Include> includes;

  /// First folder below src/: the floor; empty for files elsewhere.
  [[nodiscard]] std::string floor() const;
};

/// Parses one file's text.
[[nodiscard]] Source parse_source(std::string path, std::string_view text);
/// All .h and .cpp files below those of the named folders that exist, sorted by path.
[[nodiscard]] std::vector<Source> read_sources(const std::filesystem::path& project,
                                               const std::vector<std::string>& folders);

/// What is wrong with this file's #include lines by the rules of docs/ARCHITECTURE.md; empty if nothing is.
[[nodiscard]] std::vector<std::string> include_violations(const Source& source);
/// A cycle of quoted or <mho/…> includes, as "a -> b -> a"; empty if there is none.
[[nodiscard]] std::string include_cycle(const std::vector<Source>& sources);
/// What this file calls that a library must not: printing, exit, abort.
[[nodiscard]] std::vector<std::string> forbidden_calls(const Source& source);

}  // namespace mho::architecture
