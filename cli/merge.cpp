// `mho merge`: what shards computed, as one result.
#include "merge.h"

#include <fmt/format.h>
#include <mho/mho.h>

#include <filesystem>

#include "destination.h"
#include "interrupt.h"
#include "report.h"
#include "table.h"
#include "text.h"
#include "totals.h"

namespace mho::cli {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void reject(const std::string& message) { throw Error(Code::kInvalidArgument, message); }

bool is_folder(const fs::path& path) {
  std::error_code unknown;
  return fs::is_directory(path, unknown);
}

/// A folder of parts by its own name or by that of its result.
fs::path parts_folder(const std::string& text) {
  fs::path path = text;
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  if (is_folder(path)) return path;
  const fs::path beside = path.string() + ".parts";
  if (!is_folder(beside)) reject(fmt::format("there is neither a folder {} nor {}", path.string(), beside.string()));
  return beside;
}

std::string without_parts(const fs::path& folder) {
  if (folder.extension() != ".parts") {
    reject(fmt::format("{}: this folder's name does not tell the result's: add -o FILE", folder.string()));
  }
  return fs::path(folder).replace_extension().string();
}

/// What is told about a result that need not be in memory.
class MergedSummary {
 public:
  void add(const Result& part) {
    if (layers_.empty()) layers_ = part.layers;
    totals_.add(part, false);
  }

  [[nodiscard]] std::string text(const std::string& result) const {
    std::string text = fmt::format("result    {}: {} examples\n", printable(result), totals_.examples);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Shape shape = layers_[i].values.shape();
      shape.erase(shape.begin());
      text += fmt::format("layer     {} {}, residual {}, est. error {}\n", printable(layers_[i].name), to_string(shape),
                          error_text(totals_.layers[i].residual), error_text(totals_.layers[i].error));
    }
    return text;
  }
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  std::vector<LayerResult> layers_;
  Totals totals_;
};

}  // namespace

void run_merge(const MergeArguments& arguments) {
  const InterruptGuard guard;
  std::vector<fs::path> folders;
  for (const std::string& text : arguments.parts) folders.push_back(parts_folder(text));
  if (arguments.result.empty() && folders.size() > 1) reject("several folders of parts become a result of a name: -o");
  const std::string result = arguments.result.empty() ? without_parts(folders.front()) : arguments.result;
  // Whether it is this run's, put in place by a merge that was killed then, is told under the lock.
  const bool unfinished = is_folder(result + ".parts");
  check_destination("-o", result, {".npz", ".h5"}, arguments.force || unfinished, {});

  io::RunParts parts(result);
  for (const fs::path& folder : folders) {
    std::error_code unknown;
    if (!fs::equivalent(folder, parts.folder(), unknown)) parts.adopt(folder);
  }
  // A merge that was killed may have left the folder, or what was not removed of it yet.
  if (!parts.found() && !fs::exists(result)) {
    reject(fmt::format("{}: no shard was begun there", parts.folder().string()));
  }
  if (!parts.found() || parts.assembled()) {
    parts.remove();
    if (!arguments.quiet) fmt::print(stderr, "mho: note: {} was finished already\n", result);
    return;
  }
  if (!arguments.force && fs::exists(result)) {
    reject(fmt::format("{} exists already; choose another name (-o) or add --force", result));
  }
  parts.accept();
  MergedSummary summary;
  parts.assemble([&](std::int64_t, const Result& part) {
    summary.add(part);
    if (InterruptGuard::requested())
      throw Interrupted{fmt::format("all chunks are kept in {}", parts.folder().string())};
  });
  if (!arguments.quiet) fmt::print("{}", summary.text(result));
  if (summary.totals().late_count > 0) {
    fmt::print(stderr, "mho: warning: {} of {} examples did not reach the tolerance; mho/converged tells which\n",
               summary.totals().late_count, summary.totals().examples);
  }
}

}  // namespace mho::cli
