// read_json_lists and to_array of <mho/formats.h>: token ids as tokenizers write them.
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/formats.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "io/text_file.h"

namespace mho::io {

namespace {

constexpr std::size_t kMostNumbers = std::size_t{1} << 30;
constexpr std::size_t kMostMembers = 4096;
constexpr double kMostExact = 9007199254740992.0;  // 2^53

/// Takes the parser's events; anything but lists of numbers is refused at once, so that nesting costs nothing.
class Collector final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Collector(const std::filesystem::path& path) : path_(path) {}

  std::map<std::string, Lists, std::less<>> take() { return std::move(members_); }

  bool number_integer(number_integer_t value) override { return add(static_cast<double>(value), true); }
  bool number_unsigned(number_unsigned_t value) override { return add(static_cast<double>(value), true); }
  bool number_float(number_float_t value, const string_t&) override { return add(value, false); }
  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a truth value"); }
  bool string(string_t&) override { refuse("a text"); }
  bool binary(binary_t&) override { refuse("binary data"); }

  bool start_object(std::size_t) override {
    if (in_object_ || depth_ > 0 || current_ != nullptr) refuse("an object");
    in_object_ = true;
    return true;
  }
  bool key(string_t& name) override {
    if (members_.size() == kMostMembers) refuse("too many members");
    const auto [it, is_new] = members_.emplace(name, Lists{});
    if (!is_new) throw Error(Code::kInvalidArgument, fmt::format("{}: has two members '{}'", path_.string(), name));
    current_ = &it->second;
    return true;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override {
    if (current_ == nullptr) current_ = &members_[""];
    if (depth_ == 2) refuse("a list in a list of lists");
    if (++depth_ == 1) {
      flat_ = false;
    } else if (flat_) {
      refuse("a list among numbers");
    }
    return true;
  }
  bool end_array() override {
    if (depth_ == 2 || flat_) current_->ends.push_back(current_->values.size());
    --depth_;
    flat_ = false;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    throw Error(Code::kIo, fmt::format("{}: is no valid JSON at byte {}: {}", path_.string(), position, error.what()));
  }

 private:
  bool add(double value, bool whole) {
    if (depth_ == 0) refuse("a number outside a list");
    if (depth_ == 1 && !current_->ends.empty()) refuse("a number among lists");
    if (depth_ == 1) flat_ = true;
    if (!std::isfinite(value) || (whole && std::abs(value) > kMostExact)) refuse("a number that is too large");
    if (current_->values.size() == kMostNumbers) {
      throw Error(Code::kLimit, fmt::format("{}: has more than {} numbers; divide it", path_.string(), kMostNumbers));
    }
    current_->values.push_back(value);
    current_->whole = current_->whole && whole;
    return true;
  }

  [[noreturn]] void refuse(std::string_view found) const {
    throw Error(Code::kInvalidArgument,
                fmt::format("{}: {} where lists of numbers are needed: [[1, 2], [3, 4]], or an object of such lists by "
                            "the inputs' names",
                            path_.string(), found));
  }

  const std::filesystem::path& path_;
  std::map<std::string, Lists, std::less<>> members_;
  Lists* current_ = nullptr;
  int depth_ = 0;
  bool in_object_ = false;
  bool flat_ = false;
};

/// An input iterator over a TextFile, for the parser.
class Characters {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  explicit Characters(TextFile* file = nullptr) : file_(file) {}
  char operator*() const { return static_cast<char>(file_->peek()); }
  Characters& operator++() {
    file_->get();
    return *this;
  }
  bool operator==(const Characters& other) const { return ended() == other.ended(); }

 private:
  [[nodiscard]] bool ended() const { return file_ == nullptr || file_->peek() == TextFile::kEnd; }
  TextFile* file_;
};

}  // namespace

std::map<std::string, Lists, std::less<>> read_json_lists(const std::filesystem::path& path) {
  TextFile file(path);
  Collector collector(path);
  nlohmann::json::sax_parse(Characters(&file), Characters(), &collector);
  auto members = collector.take();
  if (members.empty()) throw Error(Code::kIo, fmt::format("{}: holds no lists of numbers", path.string()));
  for (const auto& [name, lists] : members) {
    if (!lists.ends.empty()) continue;
    throw Error(Code::kIo, fmt::format("{}: {} no lists of numbers", path.string(),
                                       name.empty() ? "holds" : fmt::format("member '{}' holds", name)));
  }
  return members;
}

Array to_array(const Lists& lists, std::int64_t length, std::optional<double> pad, const std::string& what) {
  std::size_t longest = 0;
  std::size_t start = 0;
  for (const std::size_t end : lists.ends) {
    longest = std::max(longest, end - start);
    start = end;
  }
  const std::size_t width = length > 0 ? static_cast<std::size_t>(length) : longest;
  const bool whole = lists.whole && (!pad || *pad == std::floor(*pad));
  Shape shape{static_cast<std::int64_t>(lists.ends.size()), static_cast<std::int64_t>(width)};
  if (element_count(shape) > static_cast<std::int64_t>(kMostNumbers)) {
    throw Error(Code::kLimit,
                fmt::format("{}: {} numbers once filled up, more than {}", what, to_string(shape), kMostNumbers));
  }
  Array array(DType::f64, shape);
  const auto values = array.as<double>();
  start = 0;
  for (std::size_t row = 0; row < lists.ends.size(); ++row) {
    const std::size_t count = lists.ends[row] - start;
    if (count > width || (count < width && !pad)) {
      throw Error(Code::kInvalidArgument,
                  fmt::format("{}: list {} has {} numbers where {} are needed{}", what, row, count, width,
                              count > width ? "; cut it first" : "; fill shorter ones up with --pad ID"));
    }
    const auto into = values.subspan(row * width, width);
    std::copy_n(lists.values.begin() + static_cast<std::ptrdiff_t>(start), count, into.begin());
    if (count < width) std::ranges::fill(into.subspan(count), *pad);
    start = lists.ends[row];
  }
  return whole ? array.to(DType::i64) : array;
}

}  // namespace mho::io
