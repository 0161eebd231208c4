// What is replaced at once: single neurons, channels, or groups that a request names.
#pragma once

#include <mho/attribution.h>

#include <span>
#include <vector>

namespace mho::attribution {

class Units {
 public:
  /// Of a layer whose tensor has this shape for one example. Throws Error(kInvalidArgument) where there is no axis of
  /// channels, or where a group is empty, names an element twice or one that is not there.
  Units(const std::string& layer, const Shape& one, const AblationOptions& options);

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(first_.size()) - 1; }
  /// Flat indices into one example's tensor.
  [[nodiscard]] std::span<const std::int64_t> elements(std::int64_t unit) const {
    const auto u = static_cast<std::size_t>(unit);
    return std::span(elements_).subspan(first_[u], first_[u + 1] - first_[u]);
  }
  /// One example's result: the layer's shape without the example axis for neurons, else [count].
  [[nodiscard]] const Shape& shape() const { return shape_; }

 private:
  void close() { first_.push_back(elements_.size()); }

  Shape shape_;
  std::vector<std::int64_t> elements_;
  std::vector<std::size_t> first_ = {0};  ///< where the elements of a unit begin, and the end
};

}  // namespace mho::attribution
