// `mho attribute` over more examples than memory holds: chunk by chunk, into a folder of parts, then one result.
#include "stream.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mho/mho.h>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "chunks.h"
#include "columns.h"
#include "interrupt.h"
#include "progress_bar.h"
#include "report.h"
#include "request.h"
#include "text.h"

namespace mho::cli {

namespace {

constexpr std::int64_t kMostChunk = 1024;  // examples; a kill costs one chunk
constexpr std::size_t kExamplesInReport = 1000;

/// Layers and their shapes, from one forward run of the first example.
Result probe(const Model& model, const Inputs& first, const Request& request) {
  Request forward;
  forward.method = Method::kActivation;
  if (request.method != Method::kIg) forward.layers = request.layers;
  forward.at = request.at;
  forward.output = request.output;
  forward.probability = request.probability;
  return attribute(model, first, forward);
}

/// Examples whose inputs and results take a quarter of the memory that the run may use.
std::int64_t chunk_size(const Request& request, const Inputs& first, const Result& probed) {
  std::int64_t inputs = 0;
  std::int64_t elements = 0;
  for (const auto& [name, array] : first) {
    inputs += static_cast<std::int64_t>(array.bytes().size());
    elements += array.size();
  }
  std::int64_t values = request.method == Method::kIg ? elements : 0;
  for (const LayerResult& layer : probed.layers) {
    const std::int64_t split = request.split_by_input ? std::max<std::int64_t>(elements, 1) : 1;
    if (request.method != Method::kIg) values += layer.values.size() * split;
  }
  const std::int64_t bytes = std::max<std::int64_t>(1, inputs + 8 * values);
  return std::clamp<std::int64_t>(request.memory_budget / 4 / bytes, 1, kMostChunk);
}

std::string list(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

template <class T>
std::string number(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "default";
}

/// Everything but inputs that results depend on, as the user wrote it.
std::map<std::string, std::string> identity_of(const AttributeArguments& arguments, const Chunks& chunks,
                                               const Result& probed) {
  std::map<std::string, std::string> identity = chunks.checksums();
  const auto& metadata = probed.metadata;
  for (const char* key : {"model_sha256", "mho"}) {
    const auto it = metadata.find(key);
    if (it != metadata.end()) identity[key] = it->second;
  }
  identity["target tensor"] = probed.target_tensor;
  std::vector<std::string> layers;
  for (const LayerResult& layer : probed.layers) layers.push_back(layer.name);
  identity["layers"] = list(layers);
  identity["method"] = arguments.method;
  identity["target"] = arguments.target;
  identity["baseline"] = baseline_text(arguments);
  identity["at"] = list(arguments.at);
  identity["examples"] = arguments.examples;
  identity["tolerance"] = number(arguments.tolerance);
  identity["max steps"] = number(arguments.max_steps);
  identity["steps"] = number(arguments.steps);
  identity["quadrature"] = arguments.exact ? "exact" : arguments.quadrature;
  identity["max breakpoints"] = number(arguments.max_breakpoints);
  identity["rules"] = list(arguments.rules);
  identity["switches"] =
      fmt::format("split_by_input {} multipliers {} class_mean {} one_example {} winograd {}", arguments.split_by_input,
                  arguments.multipliers, arguments.class_mean, arguments.one_example, arguments.winograd);
  identity["precision"] = arguments.precision;
  // These change rounding only, but a run that goes on must give the same bytes.
  identity["threads"] = std::to_string(arguments.threads);
  identity["micro batch"] = std::to_string(arguments.micro_batch);
  identity["memory"] = arguments.memory;
  return identity;
}

/// From here on, freed arrays of a chunk go back to the system at once. By itself glibc learns from them to keep as
/// much, and the peak depends on how they happened to lie.
void give_memory_back() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

/// One chunk's results.
class Runner {
 public:
  Runner(const AttributeArguments& arguments, const Model& model, const Chunks& chunks, Request& request)
      : arguments_(arguments), model_(model), chunks_(chunks), request_(request), bar_(!arguments.quiet) {}

  Result run(std::int64_t first, std::int64_t last, const Inputs& inputs) {
    chunks_.cut(first, last, request_);
    request_.measure_precision = first == 0;
    std::int64_t evaluations = 0;
    request_.progress = [&](const Progress& progress) {
      evaluations = progress.evaluations;
      bar_.show({first + progress.examples_done, chunks_.examples(), evaluations_ + evaluations});
      return !InterruptGuard::requested();
    };
    Result result = compute(first, inputs);
    evaluations_ += evaluations;
    result.metadata["model"] = arguments_.model;
    result.metadata["command"] = arguments_.command;
    result.names = chunks_.names(first, last);
    const auto* rows = std::get_if<IndexTarget>(&request_.target);
    if (rows != nullptr && rows->indices.size() > 1) {
      result.metadata["target"] = fmt::format("{} indices", chunks_.examples());
    }
    return result;
  }

 private:
  Result compute(std::int64_t first, const Inputs& inputs) const {
    try {
      return attribute(model_, inputs, request_);
    } catch (const Error& error) {
      if (InterruptGuard::requested()) throw;
      throw Error(error.code(),
                  fmt::format("in the chunk that begins at example {}: {}", chunks_.first() + first, error.what()));
    }
  }

  const AttributeArguments& arguments_;
  const Model& model_;
  const Chunks& chunks_;
  Request& request_;
  ProgressBar bar_;
  std::int64_t evaluations_ = 0;
};

/// The first examples of a run and what is said about all of them.
class Summary {
 public:
  explicit Summary(const Request& request) : request_(request) {}

  void add(const Result& part) {
    totals_.add(part, request_.split_by_input);
    const std::size_t room = kExamplesInReport - std::min(kExamplesInReport, head_.f_input.size());
    if (head_.layers.empty()) {
      head_ = part;
      for (LayerResult& layer : head_.layers) {
        Shape shape = layer.values.shape();
        shape.at(0) = 0;
        layer.values = Array(DType::f64, shape);
      }
      return;
    }
    append_columns(head_, part, room);
  }

  [[nodiscard]] const Result& head() const { return head_; }
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  const Request& request_;
  Result head_;
  Totals totals_;
};

/// Computes what is missing of the chunks first to last (excluded). Whatever stops it, finished chunks are kept, and
/// the error says where.
void compute_parts(const AttributeArguments& arguments, const Model& model, const Chunks& chunks, Request& request,
                   io::RunParts& parts, const io::RunPlan& plan, std::int64_t first, std::int64_t last) {
  std::int64_t kept = 0;
  const auto told = [&] {
    return fmt::format("{} of {} chunks are kept in {}; the same command goes on from there", kept, last - first,
                       parts.folder().string());
  };
  try {
    Runner runner(arguments, model, chunks, request);
    for (std::int64_t part = first; part < last; ++part) {
      const Inputs inputs = chunks.inputs(plan.first(part), plan.last(part));
      const std::uint32_t sum = io::checksum(inputs);
      if (!parts.has(part, sum)) {
        parts.write(part, sum, runner.run(plan.first(part), plan.last(part), inputs));
      }
      ++kept;
      if (InterruptGuard::requested()) throw Interrupted{told()};
    }
  } catch (const Error& error) {
    if (InterruptGuard::requested()) throw Interrupted{told()};
    throw Error(error.code(), fmt::format("{} ({})", error.what(), told()));
  }
}

void tell_shard(const AttributeArguments& arguments, const io::Shard& shard, const io::RunPlan& plan,
                const std::string& folder) {
  const std::int64_t first = shard.first(plan.parts());
  const std::int64_t last = shard.last(plan.parts());
  if (first == last) {
    fmt::print(stderr, "mho: note: the run has {} chunks for {} shards: nothing to do for this one (--chunk)\n",
               plan.parts(), shard.count);
    return;
  }
  fmt::print("shard     {}/{}: chunks {} to {} of {}, examples {}:{}, are in {}\n", shard.index, shard.count, first,
             last - 1, plan.parts(), plan.first(first), plan.last(last - 1), printable(folder));
  fmt::print("then      mho merge {}\n", printable(shell_quoted(arguments.result)));
}

}  // namespace

void run_streamed(const AttributeArguments& arguments, const Model& model, const std::vector<std::string>& labels,
                  Request& request) {
  give_memory_back();
  const std::optional<io::Shard> shard = parse_shard(arguments.shard);
  io::RunParts parts(arguments.result, shard);
  const Chunks chunks(arguments, model.inputs(), labels, request);
  const Inputs first = chunks.inputs(0, 1);
  const Result probed = probe(model, first, request);
  io::RunPlan plan;
  plan.examples = chunks.examples();
  plan.single = arguments.store == "float32";
  plan.identity = identity_of(arguments, chunks, probed);
  plan.inputs = chunks.sample();
  plan.command = arguments.command;
  plan.shards = shard ? shard->count : 0;
  plan.chunk = arguments.chunk;
  if (plan.chunk == 0 && parts.found()) plan.chunk = parts.found()->chunk;
  if (plan.chunk == 0) plan.chunk = chunk_size(request, first, probed);
  if (parts.found()) {
    try {
      parts.begin(plan);
    } catch (const Error&) {
      if (!arguments.force) throw;
      parts.discard();
    }
  }
  const bool resumed = parts.found().has_value();
  if (resumed && parts.assembled()) {
    if (!shard) parts.remove();
    if (!arguments.quiet) fmt::print(stderr, "mho: note: {} was finished already\n", arguments.result);
    return;
  }
  if (!arguments.force && std::filesystem::exists(arguments.result)) {
    throw Error(Code::kInvalidArgument,
                fmt::format("-o {} exists already; choose another name or add --force", arguments.result));
  }
  if (!resumed) parts.begin(plan);
  if (resumed && !shard && !arguments.quiet) {
    fmt::print(stderr, "mho: note: going on with the run in {}\n", parts.folder().string());
  }
  if (shard) {
    compute_parts(arguments, model, chunks, request, parts, plan, shard->first(plan.parts()),
                  shard->last(plan.parts()));
    if (!arguments.quiet) tell_shard(arguments, *shard, plan, parts.folder().string());
    return;
  }
  compute_parts(arguments, model, chunks, request, parts, plan, 0, plan.parts());
  Summary summary(request);
  try {
    parts.assemble([&](std::int64_t, const Result& part) {
      summary.add(part);
      if (InterruptGuard::requested())
        throw Interrupted{fmt::format("all chunks are kept in {}", parts.folder().string())};
    });
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} (all chunks are kept in {}; the same command puts them together)",
                                          error.what(), parts.folder().string()));
  }
  Report report{arguments.model, baseline_text(arguments), arguments.target, chunks.first(),
                request,         summary.head(),           labels,           {},
                summary.totals()};
  for (const Totals::Layer& layer : summary.totals().layers) report.rankings.push_back(layer.sums.rank(arguments.top));
  print_report(arguments, report);
}

}  // namespace mho::cli
