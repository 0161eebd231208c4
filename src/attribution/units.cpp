// What is replaced at once: single neurons, channels, or groups that a request names.
#include "attribution/units.h"

#include <fmt/format.h>

#include <utility>

namespace mho::attribution {

Units::Units(const std::string& layer, const Shape& one, const AblationOptions& options) {
  const std::int64_t count = element_count(one);
  elements_.reserve(static_cast<std::size_t>(count));
  if (!options.groups.empty()) {
    std::vector<std::size_t> seen(static_cast<std::size_t>(count), options.groups.size());
    for (std::size_t g = 0; g < options.groups.size(); ++g) {
      const auto refuse = [&](const std::string& why) {
        throw Error(Code::kInvalidArgument, fmt::format("group {} of layer '{}' {}", g, layer, why));
      };
      if (options.groups[g].empty()) refuse("is empty");
      for (const std::int64_t e : options.groups[g]) {
        if (e < 0 || e >= count) refuse(fmt::format("names neuron {}; the layer has {}", e, count));
        if (std::exchange(seen[static_cast<std::size_t>(e)], g) == g) refuse(fmt::format("names neuron {} twice", e));
        elements_.push_back(e);
      }
      close();
    }
    shape_ = {this->count()};
    return;
  }
  if (options.unit == AblationUnit::kNeuron) {
    for (std::int64_t e = 0; e < count; ++e) {
      elements_.push_back(e);
      close();
    }
    shape_.assign(one.begin() + (!one.empty() && one[0] == 1 ? 1 : 0), one.end());
    return;
  }
  if (one.size() < 2) {
    throw Error(Code::kInvalidArgument,
                fmt::format("layer '{}' of shape {} has no axis 1 for channels: ablate its neurons", layer,
                            mho::to_string(one)));
  }
  const std::int64_t channels = one[1];
  const std::int64_t positions = element_count(Shape(one.begin() + 2, one.end()));
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t n = 0; n < one[0]; ++n) {
      for (std::int64_t p = 0; p < positions; ++p) elements_.push_back((n * channels + c) * positions + p);
    }
    close();
  }
  shape_ = {channels};
}

}  // namespace mho::attribution
