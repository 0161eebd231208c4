// Models damaged at random: bytes flipped, cut and spliced, and changes that leave a model well-formed.
#include "hostile/mutations.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "support/mutate_model.h"

namespace mho::testing {

namespace {

namespace fs = std::filesystem;

void add_models(const fs::path& folder, std::vector<NamedModel>& models) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".onnx") paths.push_back(entry.path());
  }
  std::ranges::sort(paths);  // the order of a folder is the file system's: seeds must mean the same everywhere
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    models.push_back({path.filename().string(), {std::istreambuf_iterator<char>(file), {}}});
  }
}

class Damage {
 public:
  Damage(std::string& bytes, std::minstd_rand& random) : bytes_(bytes), random_(random) {}

  void flip() {
    for (std::size_t i = 1 + below(8); i > 0; --i) {
      const std::size_t at = place();
      bytes_[at] = below(2) == 0 ? static_cast<char>(bytes_[at] ^ (1 << below(8))) : static_cast<char>(below(256));
    }
  }
  void cut() { bytes_.resize(below(3) == 0 ? bytes_.size() - 1 - below(64) % bytes_.size() : place()); }
  void splice(const std::string& other) {
    const std::size_t from = below(other.size());
    const std::string piece = other.substr(from, 1 + below(below(4) == 0 ? 4096 : 64));
    const std::size_t at = place();
    if (below(2) == 0) {
      bytes_.insert(at, piece);
    } else {
      bytes_.replace(at, piece.size(), piece);
    }
  }
  void erase() { bytes_.erase(place(), 1 + below(64)); }

 private:
  std::size_t below(std::size_t bound) { return (std::size_t{random_()} << 20 ^ random_()) % bound; }
  /// Anywhere, or near the start or end: most bytes are weights, but nodes and declarations lie there.
  std::size_t place() {
    const std::size_t near = std::min<std::size_t>(bytes_.size(), 16384);
    switch (below(8)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return below(bytes_.size());
      case 4:
        return bytes_.size() - 1 - below(std::min<std::size_t>(near, 2048));
      default:
        return below(near);
    }
  }

  std::string& bytes_;
  std::minstd_rand& random_;
};

}  // namespace

HostileModels hostile_models() {
  const fs::path source(MHO_SOURCE_DIR);
  const char* given = std::getenv("MHO_DATA");
  HostileModels models;
  add_models((given != nullptr ? fs::path(given) : source / "../shared/data") / "models", models.real);
  std::ranges::stable_sort(models.real, {}, [](const NamedModel& one) { return one.bytes.size(); });
  add_models(source / "examples/digits", models.small);
  add_models(source / "tests/golden/data", models.small);
  add_models(source / "tests/golden/operators", models.small);
  return models;
}

Mutation mutation(const HostileModels& models, std::uint64_t seed) {
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 2654435761U + 1));
  random.discard(4);
  const std::vector<NamedModel>& some = models.real.empty() || random() % 4 == 0 ? models.small : models.real;
  std::size_t index = random() % some.size();
  if (&some == &models.real) index = std::min<std::size_t>(index, random() % some.size());
  Mutation result{&some[index], {}, some[index].bytes};
  Damage damage(result.bytes, random);
  const auto kind = random() % 16;
  if (kind < 5) {
    result.kind = "flipped bytes";
    damage.flip();
  } else if (kind < 6) {
    result.kind = "cut";
    damage.cut();
  } else if (kind < 7) {
    result.kind = "bytes erased";
    damage.erase();
  } else if (kind < 9) {
    result.kind = "spliced";
    damage.splice(some[random() % some.size()].bytes);
  } else {
    result.kind = "changed as a model";
    ::onnx::ModelProto model;
    if (model.ParseFromString(result.bytes)) {
      mutate(model, random);
      result.bytes = model.SerializeAsString();
    }
  }
  return result;
}

}  // namespace mho::testing
