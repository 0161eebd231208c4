// read_table of <mho/formats.h>: separated values with quotes, as RFC 4180 has them.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>
#include <mho/formats.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "io/text_file.h"

namespace mho::io {

namespace {

constexpr std::size_t kMostCell = std::size_t{1} << 16;
constexpr std::size_t kMostColumns = std::size_t{1} << 20;
constexpr std::size_t kMostCells = std::size_t{1} << 30;

using Line = std::vector<std::string>;

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<double> number(std::string_view text) {
  text = trimmed(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class RecordReader {
 public:
  RecordReader(TextFile& file, char separator) : file_(file), separator_(separator) {}

  [[nodiscard]] std::size_t line() const { return first_line_; }  ///< where the last record began

  /// The next record that is not empty.
  bool next(Line& record) {
    do {
      record.clear();
      if (file_.peek() == TextFile::kEnd) return false;
      first_line_ = line_ + 1;
      while (cell(record)) {
      }
      ++line_;
    } while (record.size() == 1 && trimmed(record[0]).empty());
    return true;
  }

 private:
  [[noreturn]] void refuse(Code code, const std::string& why) const {
    throw Error(code, fmt::format("{}: line {}: {}", file_.path().string(), first_line_, why));
  }

  /// Reads one cell; true where another follows in this record.
  bool cell(Line& record) {
    if (record.size() == kMostColumns) refuse(Code::kLimit, fmt::format("more than {} columns", kMostColumns));
    std::string& text = record.emplace_back();
    const bool quoted = file_.peek() == '"';
    if (quoted) quotes(text);
    while (true) {
      const int c = file_.get();
      if (c == TextFile::kEnd || c == '\n') return false;
      if (c == separator_) return true;
      if (c == '\r' && (file_.peek() == '\n' || file_.peek() == TextFile::kEnd)) continue;
      if (quoted && c != ' ') refuse(Code::kInvalidArgument, "characters follow a closing quote");
      if (!quoted) append(text, c);
    }
  }

  void quotes(std::string& text) {
    file_.get();
    while (true) {
      const int c = file_.get();
      if (c == TextFile::kEnd) refuse(Code::kInvalidArgument, "a quote is not closed");
      if (c == '\n') ++line_;
      if (c == '"') {
        if (file_.peek() != '"') return;
        file_.get();
      }
      append(text, c);
    }
  }

  void append(std::string& text, int c) {
    if (text.size() == kMostCell) refuse(Code::kLimit, fmt::format("a cell of more than {} characters", kMostCell));
    text.push_back(static_cast<char>(c));
  }

  TextFile& file_;
  char separator_;
  std::size_t line_ = 0;
  std::size_t first_line_ = 0;
};

/// Of a `.csv` the separator that its first line has most of, outside quotes.
char find_separator(const std::filesystem::path& path) {
  if (text_extension(path) != ".csv") return '\t';
  TextFile file(path);
  std::string line;
  file.line(line, kMostCell * 64);
  char best = ',';
  std::ptrdiff_t most = 0;
  for (const char candidate : {',', ';', '\t'}) {
    bool inside = false;
    std::ptrdiff_t count = 0;
    for (const char c : line) {
      if (c == '"') inside = !inside;
      if (c == candidate && !inside) ++count;
    }
    if (count > most) {
      most = count;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::size_t> choose(const std::filesystem::path& path, const Line& names,
                                std::span<const std::string> wanted) {
  std::vector<std::size_t> chosen;
  for (const std::string& name : wanted) {
    const auto it = std::ranges::find(names, name);
    if (it == names.end()) {
      const auto shown = std::span(names).first(std::min<std::size_t>(names.size(), 20));
      throw Error(Code::kNotFound, fmt::format("{}: there is no column '{}'; it has: {}{}", path.string(), name,
                                               fmt::join(shown, ", "), shown.size() < names.size() ? ", …" : ""));
    }
    if (std::find(it + 1, names.end(), name) != names.end()) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: two columns are called '{}'", path.string(), name));
    }
    chosen.push_back(static_cast<std::size_t>(it - names.begin()));
  }
  for (std::size_t i = 0; wanted.empty() && i < names.size(); ++i) chosen.push_back(i);
  return chosen;
}

}  // namespace

bool is_table_path(const std::filesystem::path& path) {
  const std::string extension = text_extension(path);
  return extension == ".csv" || extension == ".tsv" || extension == ".tab";
}

Table read_table(const std::filesystem::path& path, std::span<const std::string> columns) {
  TextFile file(path);
  RecordReader reader(file, find_separator(path));
  Line record;
  if (!reader.next(record)) throw Error(Code::kIo, fmt::format("{}: the table is empty", path.string()));
  if (record[0].starts_with("\xEF\xBB\xBF")) record[0].erase(0, 3);  // spreadsheets mark UTF-8 so
  const bool has_header = std::ranges::any_of(record, [](const std::string& cell) { return !number(cell); });
  Line names;
  for (std::size_t i = 0; i < record.size(); ++i) {
    names.push_back(has_header ? std::string(trimmed(record[i])) : std::to_string(i));
  }
  const std::vector<std::size_t> chosen = choose(path, names, columns);

  std::vector<double> values;
  std::int64_t rows = 0;
  for (bool more = has_header ? reader.next(record) : true; more; more = reader.next(record)) {
    ++rows;
    if (record.size() != names.size()) {
      throw Error(Code::kInvalidArgument, fmt::format("{}: row {} (line {}) has {} cells where the first has {}",
                                                      path.string(), rows, reader.line(), record.size(), names.size()));
    }
    if (values.size() + chosen.size() > kMostCells) {
      throw Error(Code::kLimit, fmt::format("{}: has more than {} cells; divide it", path.string(), kMostCells));
    }
    for (const std::size_t column : chosen) {
      const auto value = number(record[column]);
      if (!value || !std::isfinite(*value)) {
        throw Error(Code::kInvalidArgument,
                    fmt::format("{}: row {} (line {}), column {} ('{}'): '{}' is no finite number; choose columns with "
                                "{}:NAME,NAME",
                                path.string(), rows, reader.line(), column + 1, names[column],
                                record[column].substr(0, 40), path.filename().string()));
      }
      values.push_back(*value);
    }
  }
  if (rows == 0) throw Error(Code::kIo, fmt::format("{}: the table has a header but no rows", path.string()));
  Table table;
  for (const std::size_t column : chosen) table.columns.push_back(names[column]);
  table.values = Array({rows, static_cast<std::int64_t>(chosen.size())}, values);
  return table;
}

}  // namespace mho::io
