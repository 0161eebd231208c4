// The extents of an array.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <vector>

namespace mho {

/// Extents, outermost first. An empty shape is a scalar. Used as std::vector<std::int64_t> is, and converts from and to
/// one; up to kInside extents lie in the object itself, so that a copy allocates nothing.
class Shape {
 public:
  using value_type = std::int64_t;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = std::int64_t&;
  using const_reference = const std::int64_t&;
  using iterator = std::int64_t*;
  using const_iterator = const std::int64_t*;
  static constexpr std::size_t kInside = 8;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) : Shape(extents.begin(), extents.end()) {}
  explicit Shape(std::size_t count, std::int64_t extent = 0) { resize(count, extent); }
  template <class Iterator>
  requires requires { typename std::iterator_traits<Iterator>::iterator_category; }
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(*first);
  }
  Shape(const std::vector<std::int64_t>& extents) : Shape(extents.begin(), extents.end()) {}  // NOLINT: converts
  operator std::vector<std::int64_t>() const { return {begin(), end()}; }                     // NOLINT: converts

  [[nodiscard]] std::size_t size() const noexcept { return many_.empty() ? count_ : many_.size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::int64_t* data() noexcept { return many_.empty() ? few_.data() : many_.data(); }
  [[nodiscard]] const std::int64_t* data() const noexcept { return many_.empty() ? few_.data() : many_.data(); }
  [[nodiscard]] iterator begin() noexcept { return data(); }
  [[nodiscard]] iterator end() noexcept { return data() + size(); }
  [[nodiscard]] const_iterator begin() const noexcept { return data(); }
  [[nodiscard]] const_iterator end() const noexcept { return data() + size(); }
  [[nodiscard]] auto rbegin() const noexcept { return std::make_reverse_iterator(end()); }
  [[nodiscard]] auto rend() const noexcept { return std::make_reverse_iterator(begin()); }
  [[nodiscard]] std::int64_t& operator[](std::size_t axis) noexcept { return data()[axis]; }
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const noexcept { return data()[axis]; }
  /// Throws std::out_of_range.
  [[nodiscard]] std::int64_t& at(std::size_t axis) { return begin()[checked(axis)]; }
  [[nodiscard]] std::int64_t at(std::size_t axis) const { return begin()[checked(axis)]; }
  [[nodiscard]] std::int64_t& front() noexcept { return *begin(); }
  [[nodiscard]] std::int64_t front() const noexcept { return *begin(); }
  [[nodiscard]] std::int64_t& back() noexcept { return *(end() - 1); }
  [[nodiscard]] std::int64_t back() const noexcept { return *(end() - 1); }

  void resize(std::size_t count, std::int64_t extent = 0) {
    const std::size_t before = size();
    if (count > kInside) {
      if (many_.empty()) many_.assign(few_.begin(), few_.begin() + static_cast<std::ptrdiff_t>(count_));
      many_.resize(count, extent);
      count_ = 0;
      return;
    }
    if (!many_.empty()) {
      std::copy_n(many_.begin(), count, few_.begin());
      many_.clear();
    }
    count_ = count;
    if (count > before) std::fill(begin() + before, end(), extent);
  }
  void clear() { resize(0); }
  template <class Iterator>
  requires requires { typename std::iterator_traits<Iterator>::iterator_category; }
  void assign(Iterator first, Iterator last) { *this = Shape(first, last); }
  void assign(std::size_t count, std::int64_t extent) {
    clear();
    resize(count, extent);
  }
  void push_back(std::int64_t extent) { resize(size() + 1, extent); }
  void pop_back() { resize(size() - 1); }
  /// `first` to `last` must not lie in this shape.
  template <std::forward_iterator Iterator>
  iterator insert(const_iterator at, Iterator first, Iterator last) {
    return std::copy(first, last, make_room(at, static_cast<std::size_t>(std::distance(first, last)))) -
           std::distance(first, last);
  }
  iterator insert(const_iterator at, std::initializer_list<std::int64_t> extents) {
    return insert(at, extents.begin(), extents.end());
  }
  iterator insert(const_iterator at, std::size_t count, std::int64_t extent) {
    const iterator room = make_room(at, count);
    std::fill_n(room, count, extent);
    return room;
  }
  iterator insert(const_iterator at, std::int64_t extent) { return insert(at, std::size_t{1}, extent); }
  iterator erase(const_iterator first, const_iterator last) {
    const std::ptrdiff_t from = first - begin();
    std::copy(last, static_cast<const Shape*>(this)->end(), begin() + from);
    resize(size() - static_cast<std::size_t>(last - first));
    return begin() + from;
  }
  iterator erase(const_iterator at) { return erase(at, at + 1); }

  friend bool operator==(const Shape& a, const Shape& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }
  friend auto operator<=>(const Shape& a, const Shape& b) {
    return std::lexicographical_compare_three_way(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  [[nodiscard]] std::size_t checked(std::size_t axis) const {
    if (axis >= size()) throw std::out_of_range("a shape has no such axis");
    return axis;
  }
  iterator make_room(const_iterator at, std::size_t count) {
    const std::ptrdiff_t from = at - begin();
    const std::size_t before = size();
    resize(before + count);
    std::copy_backward(begin() + from, begin() + before, end());
    return begin() + from;
  }

  std::array<std::int64_t, kInside> few_{};
  std::size_t count_ = 0;           ///< of few_; 0 while there is any in many_
  std::vector<std::int64_t> many_;  ///< all, where they are more
};

}  // namespace mho
