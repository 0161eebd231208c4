// Reads sources and judges their #include lines; the tables below are the architecture.
#include "architecture/source_tree.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace mho::architecture {
namespace {

// What a floor may include besides its own headers and <mho/…>. "kernels/" is every header directly in that folder;
// headers in subfolders (kernels/cpu/…, onnx/ops/…) belong to their floor alone.
const std::map<std::string, std::vector<std::string>> kMayInclude = {
    {"kernels", {}},
    {"primitives", {"kernels/"}},
    {"graph", {"kernels/", "primitives/"}},
    {"onnx", {"kernels/tensor.h", "kernels/device.h", "kernels/elementwise.h", "primitives/", "graph/"}},
    {"engine", {"kernels/", "primitives/", "graph/", "graph/passes/passes.h", "onnx/model.h"}},
    {"attribution",
     {"kernels/tensor.h", "kernels/device.h", "kernels/poll.h", "primitives/primitives.h", "graph/", "onnx/model.h",
      "engine/"}},
    {"io", {"kernels/tensor.h"}},
    {"report", {"io/files.h"}},
};

// Third-party headers, by a pattern of the include line, and the only folder that may name them.
const std::vector<std::pair<std::string, std::string>> kVendors = {
    {"^(oneapi/)?dnnl", "src/kernels/cpu/"},
    {"^(onnx/onnx|google/protobuf)", "src/onnx/"},
    {"^(png\\.h|jpeglib\\.h|jerror\\.h|zlib\\.h|hdf5\\.h|stb(_|/))", "src/io/"},
    {"^nlohmann/", "src/io/ src/report/ cli/"},
    {"^CLI/", "cli/"},
    {"^omp\\.h", "src/kernels/"},
};

const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");

// Removes comments and the contents of string and character literals, keeping line ends.
std::string strip(std::string_view text) {
  std::string code;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("//")) {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if (rest.starts_with("/*")) {
      i = std::min(text.find("*/", i + 2), text.size()) + 1;
    } else if (rest.starts_with("R\"(")) {
      i = std::min(text.find(")\"", i + 3), text.size()) + 1;
      code += "\"\"";
    } else if (text[i] == '"' ||
               (text[i] == '\'' && (i == 0 || std::isalnum(static_cast<unsigned char>(text[i - 1])) == 0))) {
      const char quote = text[i];
      code += quote;
      for (++i; i < text.size() && text[i] != quote && text[i] != '\n'; ++i) i += text[i] == '\\' ? 1 : 0;
      code += quote;
    } else {
      code += text[i];
    }
  }
  return code;
}

bool is_standard(const std::string& header) { return header.find_first_of("./") == std::string::npos; }

bool allowed(const std::string& header, const std::string& pattern) {
  if (!pattern.ends_with('/')) return header == pattern;
  return header.starts_with(pattern) && header.find('/', pattern.size()) == std::string::npos;
}

void check_vendors(const Source& source, const Include& include, std::vector<std::string>& wrong) {
  for (const auto& [pattern, homes] : kVendors) {
    if (!std::regex_search(include.path, std::regex(pattern))) continue;
    std::istringstream list(homes);
    const bool at_home = std::any_of(std::istream_iterator<std::string>(list), {},
                                     [&](const std::string& home) { return source.path.starts_with(home); });
    if (!at_home) wrong.push_back("includes <" + include.path + ">, which belongs in " + homes);
  }
}

}  // namespace

std::string Source::floor() const {
  if (!path.starts_with("src/")) return {};
  const std::size_t end = path.find('/', 4);
  return end == std::string::npos ? std::string() : path.substr(4, end - 4);
}

Source parse_source(std::string path, std::string_view text) {
  Source source{std::move(path), std::string(text), strip(text), 0, {}};
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line); ++source.lines) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) source.includes.push_back({match[2], match[1] == "\""});
  }
  return source;
}

std::vector<Source> read_sources(const std::filesystem::path& project, const std::vector<std::string>& folders) {
  std::vector<Source> sources;
  for (const std::string& folder : folders) {
    if (!std::filesystem::is_directory(project / folder)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(project / folder)) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".h" && extension != ".cpp")) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      if (!file) throw std::runtime_error("cannot read " + entry.path().string());
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      sources.push_back(parse_source(entry.path().lexically_relative(project).generic_string(), text));
    }
  }
  std::ranges::sort(sources, {}, &Source::path);
  return sources;
}

std::vector<std::string> include_violations(const Source& source) {
  std::vector<std::string> wrong;
  const std::string floor = source.floor();
  const bool face = source.path.starts_with("cli/");
  const bool public_header = source.path.starts_with("include/mho/");
  for (const Include& include : source.includes) {
    check_vendors(source, include, wrong);
    const bool own_api = include.path.starts_with("mho/");
    const std::string top = include.path.substr(0, include.path.find('/'));
    const bool names_floor = include.path.find('/') != std::string::npos && kMayInclude.contains(top) && !own_api;
    if (own_api && include.quoted) wrong.push_back("includes \"" + include.path + "\": public headers come in <>");
    if (public_header && !own_api && !is_standard(include.path)) {
      wrong.push_back("is public and includes " + include.path + ": only the standard library and <mho/…> may be");
    }
    if (face && include.quoted && names_floor) {
      wrong.push_back("is a face and includes " + include.path + ": faces see <mho/…> only");
    }
    if (floor.empty() || !include.quoted) continue;
    const auto rule = kMayInclude.find(floor);
    if (rule == kMayInclude.end()) {
      wrong.push_back("is in src/" + floor + ", which is no floor of the architecture");
      return wrong;
    }
    if (!names_floor) {
      wrong.push_back("includes \"" + include.path + "\": write the path from src/, \"floor/file.h\"");
    } else if (top != floor && std::ranges::none_of(rule->second, [&](const std::string& pattern) {
                 return allowed(include.path, pattern);
               })) {
      wrong.push_back("includes " + include.path + ": an arrow up, or past a public header, from " + floor);
    }
  }
  return wrong;
}

std::string include_cycle(const std::vector<Source>& sources) {
  std::map<std::string, const Source*> by_name;
  for (const Source& source : sources) {
    for (const std::string_view root : {"src/", "include/", "cli/"}) {
      if (source.path.starts_with(root)) by_name[source.path.substr(root.size())] = &source;
    }
  }
  std::set<std::string> done;
  std::vector<std::string> path;
  const std::function<bool(const std::string&)> closes = [&](const std::string& name) {
    if (done.contains(name) || !by_name.contains(name)) return false;
    const bool on_path = std::ranges::find(path, name) != path.end();
    path.push_back(name);
    if (on_path) return true;
    for (const Include& include : by_name.at(name)->includes) {
      if (closes(include.path)) return true;
    }
    path.pop_back();
    done.insert(name);
    return false;
  };
  for (const auto& [name, source] : by_name) {
    if (!closes(name)) continue;
    std::string text;
    for (const std::string& step : path) text += (text.empty() ? "" : " -> ") + step;
    return text;
  }
  return {};
}

std::vector<std::string> forbidden_calls(const Source& source) {
  static const std::regex kForbidden(
      R"(std::c(out|err|log)\b|\b(printf|fprintf|vprintf|puts|fputs|putchar|perror|exit|_exit|quick_exit|abort|terminate)\s*\(|fmt::print)");
  std::vector<std::string> found;
  for (std::sregex_iterator it(source.code.begin(), source.code.end(), kForbidden), end; it != end; ++it) {
    found.push_back(it->str());
  }
  return found;
}

}  // namespace mho::architecture
