// Models damaged at random: bytes flipped, cut and spliced, and changes that leave a model well-formed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mho::testing {

struct NamedModel {
  std::string name;
  std::string bytes;
};

struct HostileModels {
  std::vector<NamedModel> real;   ///< of `../shared/data` or $MHO_DATA, smallest first; empty where that is not there
  std::vector<NamedModel> small;  ///< of examples/ and tests/golden
};
[[nodiscard]] HostileModels hostile_models();

/// One of the models, and what the seed makes of it: a real one three times in four, smaller ones more often, because
/// they run fast.
struct Mutation {
  const NamedModel* model = nullptr;
  std::string kind;  ///< "flipped bytes", …
  std::string bytes;
};
[[nodiscard]] Mutation mutation(const HostileModels& models, std::uint64_t seed);

}  // namespace mho::testing
