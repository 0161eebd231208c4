// Text tables: columns as wide as their widest cell.
#include "table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mho::cli {

namespace {

std::string padded(const std::string& cell, std::size_t width, bool right) {
  const std::string blanks(width - std::min(width, display_width(cell)), ' ');
  return right ? fmt::format("{}{}", blanks, cell) : fmt::format("{}{}", cell, blanks);
}

std::string escaped(std::string_view cell) {
  std::string result;
  for (const char c : cell) {
    if (c == '|') result.push_back('\\');
    result.push_back(c);
  }
  return result;
}

}  // namespace

Table::Table(std::vector<Column> columns, std::string indent)
    : columns_(std::move(columns)), indent_(std::move(indent)) {}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (const Column& column : columns_) {
    widths.push_back(display_width(column.title));
    titles.push_back(column.title);
  }
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string written = indent_;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      written += fmt::format("{}{}", i == 0 ? "" : "  ", padded(cells[i], widths[i], columns_[i].right));
    }
    written.erase(written.find_last_not_of(' ') + 1);
    text += written + "\n";
  };
  line(titles);
  std::ranges::for_each(rows_, line);
  return text;
}

std::string Table::markdown() const {
  std::string text;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (const std::string& cell : cells) text += fmt::format("| {} ", escaped(cell));
    text += "|\n";
  };
  std::vector<std::string> titles;
  std::string rule;
  for (const Column& column : columns_) {
    titles.push_back(column.title);
    rule += column.right ? "|---:" : "|---";
  }
  line(titles);
  text += rule + "|\n";
  std::ranges::for_each(rows_, line);
  return text;
}

std::size_t display_width(std::string_view text) noexcept {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string number_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4g}", value); }

std::string error_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.1e}", value); }

}  // namespace mho::cli
