// Puts page, style, scripts and data together, and writes the file.
#include "report/page.h"

#include <array>
#include <charconv>
#include <cstddef>

#include "io/files.h"
#include "report/assets.h"
#include "report/base64.h"
#include "report/data.h"

namespace mho::report {

namespace {

std::string escaped(std::string_view text) {
  std::string html;
  for (const char c : text) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

/// Only the script with this hash may run, and nothing may be loaded.
std::string policy() {
  const std::string_view hex = assets::script_sha256();
  std::array<std::byte, 32> hash{};
  for (std::size_t i = 0; i < hash.size(); ++i) {
    unsigned value = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, value, 16);
    hash[i] = static_cast<std::byte>(value);
  }
  return "default-src 'none'; script-src 'sha256-" + base64(hash) +
         "'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'";
}

std::string blocks_html(const Data& data) {
  std::string html = "<script type=\"application/json\" id=\"data\">" + data.json + "</script>\n";
  for (const Block& block : data.blocks) {
    html += "<script type=\"text/plain\" id=\"" + block.id + "\">" + block.text + "</script>\n";
  }
  return html;
}

}  // namespace

std::string make_page(const Result& result, const Options& options) {
  const std::size_t fixed = assets::page().size() + assets::style().size() + assets::script().size() + 4096;
  const Data data = make_data(result, options, fixed);
  // Replaced in one pass over the template, so that what is put in is never read as a mark.
  std::string page;
  std::string_view rest = assets::page();
  while (true) {
    const std::size_t start = rest.find("<!--@");
    page += rest.substr(0, start);
    if (start == std::string_view::npos) return page;
    const std::size_t end = rest.find("-->", start);
    const std::string_view mark = rest.substr(start + 5, end - start - 5);
    rest.remove_prefix(end + 3);
    if (mark == "title") page += escaped(data.title);
    if (mark == "style") page += assets::style();
    if (mark == "script") page += assets::script();
    if (mark == "data") page += blocks_html(data);
    if (mark == "policy") page += policy();
  }
}

void write_page(const std::filesystem::path& path, const Result& result, const Options& options) {
  const std::string page = make_page(result, options);
  io::AtomicFile file(path);
  file.write(std::as_bytes(std::span(page)));
  file.commit();
}

}  // namespace mho::report
