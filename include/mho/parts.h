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

  [[nodiscard]] std::int64_t parts() const {
    return chunk > 0 ? examples / chunk + (examples % chunk != 0 ? 1 : 0) : 0;
  }
  [[nodiscard]] std::int64_t first(std::int64_t part) const { return part * chunk; }
  [[nodiscard]] std::int64_t last(std::int64_t part) const {
    return first(part) + std::min(examples - first(part), chunk);
  }
};

/// The folder `RESULT.parts` beside a result: a manifest, one .npz per finished chunk (see write_result), and a lock
/// that this process holds. Every file appears whole or not at all and is checked by its CRCs when it is read, so a
/// kill at any moment costs the chunk that was being computed. All functions throw Error(kIo) naming the file.
class RunParts {
 public:
  /// Makes or opens the folder. Throws Error(kInvalidArgument) where another process is at work on it.
  explicit RunParts(const std::filesystem::path& result);
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
  [[nodiscard]] Result read(std::int64_t part) const;

  /// Puts all parts together as the result (.npz or .h5) and removes the folder. `visit` sees every part, in order,
  /// before the result appears.
  void assemble(const std::function<void(std::int64_t part, const Result&)>& visit);
  /// The result was put in place by a run that ended before it could remove the folder.
  [[nodiscard]] bool assembled() const;
  void remove();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// CRC-32 of names, types, shapes and elements.
[[nodiscard]] std::uint32_t checksum(const Inputs& inputs);

}  // namespace mho::io
