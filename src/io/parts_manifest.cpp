// The manifest of a folder of parts, as JSON.
#include "io/parts_manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/error.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "io/files.h"

namespace mho::io {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::string_view kFormat = "mho parts 1";
constexpr std::uint64_t kMostManifestBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMostNamed = 20;  // runs of chunks, or shards, in a message

std::string manifest_text(const RunPlan& plan) {
  json document = {{"format", kFormat},     {"examples", plan.examples},
                   {"chunk", plan.chunk},   {"values", plan.single ? "float32" : "float64"},
                   {"inputs", plan.inputs}, {"command", plan.command},
                   {"shards", plan.shards}, {"run", json::object()}};
  for (const auto& [key, value] : plan.identity) document["run"][key] = value;
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

/// "3, 5-6, 9": consecutive numbers as ranges.
std::string ranges(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> words;
  std::size_t named = 0;
  for (std::size_t i = 0; i < numbers.size(); ++named) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (named < kMostNamed) {
      words.push_back(last == i ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[last]));
    }
    i = last + 1;
  }
  if (named > kMostNamed) words.push_back(fmt::format("and {} ranges more", named - kMostNamed));
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

RunPlan read_manifest(const fs::path& path) {
  const auto bytes = InputFile(path).read_all(kMostManifestBytes);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    const json document = json::parse(text);
    if (document.at("format") != kFormat) throw Error(Code::kIo, "");
    RunPlan plan;
    plan.examples = document.at("examples").get<std::int64_t>();
    plan.chunk = document.at("chunk").get<std::int64_t>();
    plan.single = document.at("values") == "float32";
    for (const auto& [key, value] : document.at("run").items()) plan.identity[key] = value.get<std::string>();
    plan.inputs = document.value("inputs", std::uint32_t{0});
    plan.command = document.value("command", std::string());
    plan.shards = document.value("shards", std::int64_t{0});
    if (plan.examples >= 0 && plan.chunk > 0) return plan;
  } catch (const std::exception&) {
    // Whatever is wrong with it, the way out is the same.
  }
  throw Error(Code::kIo,
              fmt::format("{}: is no manifest of this program's; remove the folder, or begin anew with --force",
                          path.string()));
}

void write_manifest(const fs::path& path, const RunPlan& plan) {
  const std::string text = manifest_text(plan);
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

std::string difference(const RunPlan& before, const RunPlan& now) {
  const auto unlike = [](std::string_view what, const auto& a, const auto& b) {
    return fmt::format("{}: {} then, {} now", what, a, b);
  };
  if (before.examples != now.examples) return unlike("examples", before.examples, now.examples);
  if (before.chunk != now.chunk) return unlike("examples per chunk", before.chunk, now.chunk);
  if (before.single != now.single)
    return before.single ? "values: float32 then, float64 now" : "values: float64 then, float32 now";
  const auto value = [](const RunPlan& plan, const std::string& key) {
    const auto it = plan.identity.find(key);
    return it == plan.identity.end() ? std::string("none") : it->second.substr(0, 200);
  };
  std::map<std::string, std::string> keys = before.identity;
  keys.insert(now.identity.begin(), now.identity.end());
  for (const auto& [key, text] : keys) {
    if (value(before, key) != value(now, key)) return unlike(key, value(before, key), value(now, key));
  }
  return "";
}

std::string to_be_computed(const RunPlan& plan, const std::vector<std::int64_t>& parts) {
  std::int64_t examples = 0;
  std::vector<std::int64_t> shards;
  for (const std::int64_t part : parts) {
    examples += plan.last(part) - plan.first(part);
    if (plan.shards == 0) continue;
    const std::int64_t shard = Shard::of(part, plan.parts(), plan.shards);
    if (shards.empty() || shards.back() != shard) shards.push_back(shard);
  }
  std::string text = fmt::format("chunks {} ({} of {} examples, the first is {})", ranges(parts), examples,
                                 plan.examples, plan.first(parts.front()));
  if (plan.command.empty()) return text;
  text += fmt::format(" are computed by: {}", plan.command);
  if (!shards.empty()) text += fmt::format(" --shard {}/{}", shards.front(), plan.shards);
  if (shards.size() > 1)
    text += fmt::format(" (and shards {} of {} likewise)", ranges({shards.begin() + 1, shards.end()}), plan.shards);
  return text;
}

}  // namespace mho::io
