// Text tables: columns as wide as their widest cell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mho::cli {

struct Column {
  std::string title;
  bool right = false;  ///< numbers stand at the right
};

class Table {
 public:
  explicit Table(std::vector<Column> columns, std::string indent = "");

  /// Missing cells are empty.
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  /// Title line and rows, each ended by a newline; no blanks at line ends.
  [[nodiscard]] std::string text() const;
  /// The same as a table of Markdown.
  [[nodiscard]] std::string markdown() const;

 private:
  std::vector<Column> columns_;
  std::string indent_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters that UTF-8 text takes on a terminal, each counted as one.
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

/// Four significant digits; "-" for NaN.
[[nodiscard]] std::string number_text(double value);
/// Two digits in exponent form, for errors and residuals; "-" for NaN.
[[nodiscard]] std::string error_text(double value);

}  // namespace mho::cli
