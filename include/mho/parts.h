// Results of long runs: written chunk by chunk, so that a run that is stopped anywhere goes on where it was.
#pragma once

#include <mho/attribution.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace mho::io {

/// What a run is, as far as its results depend on it.
struct RunPlan {
  std::int64_t examples = 0;
  std::int64_t chunk = 0;                       ///< examples in every part but the last
  bool single = false;                          ///< values are stored as float32
  std::map<std::string, std::string> identity;  ///< whatever else must be the same when the run goes on
  std::uint32_t inputs = 0;                     ///< checksum of some examples spread over all; 0: not known
  std::string command;                          ///< computes the run; for people
  std::int64_t shards = 0;                      ///< in how many shards it was begun; 0: in one process

  [[nodiscard]] std::int64_t parts() const {
    return chunk > 0 ? examples / chunk + (examples % chunk != 0 ? 1 : 0) : 0;
  }
  [[nodiscard]] std::int64_t first(std::int64_t part) const { return part * chunk; }
  [[nodiscard]] std::int64_t last(std::int64_t part) const {
    return first(part) + std::min(examples - first(part), chunk);
  }
};

/// The chunks that one of several processes computes: neighbours, and as many as any other shard has, or one more.
struct Shard {
  std::int64_t index = 0;  ///< from 0
  std::int64_t count = 1;

  /// Of a run's `parts` chunks, the first and (excluded) the last.
  [[nodiscard]] std::int64_t first(std::int64_t parts) const { return parts * index / count; }
  [[nodiscard]] std::int64_t last(std::int64_t parts) const { return parts * (index + 1) / count; }
  /// The shard that computes this chunk.
  [[nodiscard]] static std::int64_t of(std::int64_t part, std::int64_t parts, std::int64_t count) {
    return (count * (part + 1) - 1) / parts;
  }
};

/// The folder `RESULT.parts` beside a result: a manifest, one .npz per finished chunk (see write_result), and a lock
/// that this process holds. Every file appears whole or not at all and is checked by its CRCs when it is read, so a
/// kill at any moment costs the chunk that was being computed. All functions throw Error(kIo) naming the file.
class RunParts {
 public:
  /// Makes or opens the folder: for a shard beside the other shards' processes, else for this process alone. Throws
  /// Error(kInvalidArgument) where another process is at work on the same.
  explicit RunParts(const std::filesystem::path& result, std::optional<Shard> shard = {});
  RunParts(const RunParts&) = delete;
  RunParts& operator=(const RunParts&) = delete;
  ~RunParts();

  [[nodiscard]] const std::filesystem::path& folder() const noexcept;
  /// What an earlier run here was; none where there was none.
  [[nodiscard]] const std::optional<RunPlan>& found() const noexcept;
  /// Removes what an earlier run left.
  void discard();
  /// Goes on with, or begins, this run. Throws Error(kInvalidArgument) where the one that was found is another one.
  void begin(const RunPlan& plan);

  /// Whether this chunk is there, whole, and made of inputs with this checksum; one that is not is removed.
  [[nodiscard]] bool has(std::int64_t part, std::uint32_t inputs);
  void write(std::int64_t part, std::uint32_t inputs, Result result);

  /// Takes the run that was found as it stands: for assemble() without the inputs.
  void accept();
  /// Takes the chunks that are in another folder of parts of the same run and not in this one, by link or copy; what
  /// was the run there is found() here, where nothing was. Throws Error(kInvalidArgument) where it is another run.
  void adopt(const std::filesystem::path& folder);

  /// Puts all parts together as the result (.npz or .h5) and removes the folder. `visit` sees every part, in order,
  /// before the result appears. Throws Error(kIo) with the chunks that are missing, damaged or made of other inputs,
  /// and the commands that compute them.
  void assemble(const std::function<void(std::int64_t part, const Result&)>& visit);
  /// The result was put in place by a run that ended before it could remove the folder.
  [[nodiscard]] bool assembled() const;
  void remove();

 private:
  /// Of the metadata, what belongs to the result. Throws Error(kIo) where the part is not there or of no use.
  [[nodiscard]] Result checked(std::int64_t part) const;

  struct State;
  std::unique_ptr<State> state_;
};

/// CRC-32 of names, types, shapes and elements.
[[nodiscard]] std::uint32_t checksum(const Inputs& inputs);

}  // namespace mho::io
