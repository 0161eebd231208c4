// write_heatmap_png of <mho/io.h>: maps of attributions in blue, white and red, with a line of text above each row.
#include <fmt/format.h>
#include <mho/error.h>
#include <mho/io.h>
#include <png.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "io/files.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_easy_font.h>
#pragma GCC diagnostic pop

namespace mho::io {

namespace {

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kPaper = {255, 255, 255};
constexpr Colour kInk = {40, 40, 40};
constexpr Colour kMissing = {210, 210, 210};
constexpr Colour kFrame = {170, 170, 170};
constexpr std::int64_t kMargin = 8;
constexpr std::int64_t kGap = 4;
constexpr std::int64_t kTextHeight = 14;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 27;

class Canvas {
 public:
  Canvas(std::int64_t width, std::int64_t height) : width_(width), height_(height) {
    pixels_.assign(static_cast<std::size_t>(width * height) * 3, kPaper[0]);
  }

  void fill(std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height, const Colour& colour) {
    for (std::int64_t row = std::max<std::int64_t>(y, 0); row < std::min(y + height, height_); ++row) {
      for (std::int64_t column = std::max<std::int64_t>(x, 0); column < std::min(x + width, width_); ++column) {
        std::copy(colour.begin(), colour.end(), pixels_.begin() + 3 * (row * width_ + column));
      }
    }
  }

  void text(std::int64_t x, std::int64_t y, std::string line) {
    // stb_easy_font knows the printable ASCII characters only, and draws each as rectangles of four corners.
    for (char& c : line) c = c < 32 || c > 126 ? '?' : c;
    struct Corner {
      float x, y, z;
      std::array<std::uint8_t, 4> colour;
    };
    std::vector<Corner> corners(line.size() * 128 + 4);
    const int rectangles = stb_easy_font_print(static_cast<float>(x), static_cast<float>(y), line.data(), nullptr,
                                               corners.data(), static_cast<int>(corners.size() * sizeof(Corner)));
    for (std::size_t i = 0; i < static_cast<std::size_t>(rectangles); ++i) {
      const Corner& from = corners[4 * i];
      const Corner& to = corners[4 * i + 2];
      fill(std::lround(from.x), std::lround(from.y), std::lround(to.x - from.x), std::lround(to.y - from.y), kInk);
    }
  }

  void write(const std::filesystem::path& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_);
    image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    std::vector<std::byte> bytes(size);
    if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels_.data(), 0, nullptr) == 0) {
      throw Error(Code::kIo, fmt::format("{}: the picture could not be encoded: {}", path.string(), image.message));
    }
    AtomicFile file(path);
    file.write(std::span(bytes).first(size));
    file.commit();
  }

 private:
  std::int64_t width_;
  std::int64_t height_;
  std::vector<std::uint8_t> pixels_;
};

/// -1 blue, 0 white, 1 red; the ends are dark enough to tell apart in grey, too.
Colour diverging(double value) {
  constexpr std::array<double, 3> kBlue = {33, 102, 172};
  constexpr std::array<double, 3> kRed = {178, 24, 43};
  const double strength = std::min(std::abs(value), 1.0);
  const auto& end = value < 0 ? kBlue : kRed;
  Colour colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    colour[c] = static_cast<std::uint8_t>(std::lround(255.0 + (end[c] - 255.0) * strength));
  }
  return colour;
}

/// A row with its place on the canvas.
struct Placed {
  std::int64_t count = 0;
  std::int64_t height = 0;  ///< of one map, in cells
  std::int64_t width = 0;
  std::int64_t zoom = 1;
  std::int64_t columns = 1;
  std::int64_t lines = 1;

  [[nodiscard]] std::int64_t pixel_width() const { return columns * (width * zoom + kGap) - kGap; }
  [[nodiscard]] std::int64_t pixel_height() const { return kTextHeight + lines * (height * zoom + kGap); }
};

Placed place(const HeatmapRow& row, const HeatmapOptions& options) {
  const Shape& shape = row.maps.shape();
  if ((shape.size() != 2 && shape.size() != 3) || row.maps.size() == 0) {
    throw Error(Code::kInvalidArgument, fmt::format("a heatmap of shape {} cannot be drawn; [H, W] or [N, H, W] with "
                                                    "at least one element can",
                                                    to_string(shape)));
  }
  Placed placed;
  placed.count = shape.size() == 3 ? shape[0] : 1;
  placed.height = shape[shape.size() - 2];
  placed.width = shape.back();
  const std::int64_t longest = std::max(placed.height, placed.width);
  placed.zoom = std::max<std::int64_t>(1, options.map_pixels / longest);
  // Maps larger than asked for take the place of several.
  const std::int64_t share =
      std::max<std::int64_t>(1, (longest * placed.zoom) / std::max<std::int64_t>(1, options.map_pixels));
  placed.columns = std::clamp<std::int64_t>(options.columns / share, 1, placed.count);
  placed.lines = (placed.count + placed.columns - 1) / placed.columns;
  if (placed.pixel_width() > kMostPixels || placed.pixel_height() > kMostPixels) {
    throw Error(Code::kLimit, fmt::format("a heatmap of shape {} is too large to draw", to_string(shape)));
  }
  return placed;
}

double largest_magnitude(const Array& maps) {
  double limit = 0;
  for (std::int64_t i = 0; i < maps.size(); ++i) {
    const double value = std::abs(maps.at(i));
    if (std::isfinite(value)) limit = std::max(limit, value);
  }
  return limit;
}

void draw(Canvas& canvas, const HeatmapRow& row, const Placed& placed, std::int64_t top) {
  canvas.text(kMargin, top + 2, row.label);
  double limit = row.limit > 0 ? row.limit : largest_magnitude(row.maps);
  if (!(limit > 0)) limit = 1;
  for (std::int64_t map = 0; map < placed.count; ++map) {
    const std::int64_t left = kMargin + (map % placed.columns) * (placed.width * placed.zoom + kGap);
    const std::int64_t upper = top + kTextHeight + (map / placed.columns) * (placed.height * placed.zoom + kGap);
    canvas.fill(left - 1, upper - 1, placed.width * placed.zoom + 2, placed.height * placed.zoom + 2, kFrame);
    for (std::int64_t y = 0; y < placed.height; ++y) {
      for (std::int64_t x = 0; x < placed.width; ++x) {
        const double value = row.maps.at((map * placed.height + y) * placed.width + x);
        const Colour colour = std::isfinite(value) ? diverging(value / limit) : kMissing;
        canvas.fill(left + x * placed.zoom, upper + y * placed.zoom, placed.zoom, placed.zoom, colour);
      }
    }
  }
}

}  // namespace

void write_heatmap_png(const std::filesystem::path& path, const std::vector<HeatmapRow>& rows,
                       const HeatmapOptions& options) {
  if (rows.empty()) throw Error(Code::kInvalidArgument, "a heatmap needs at least one row");
  std::vector<Placed> places;
  std::int64_t width = 0;
  std::int64_t height = 2 * kMargin;
  for (const HeatmapRow& row : rows) {
    places.push_back(place(row, options));
    // Text is at most 8 pixels a character.
    const auto text = static_cast<std::int64_t>(std::min<std::size_t>(row.label.size(), 200)) * 8;
    width = std::max({width, places.back().pixel_width(), text});
    height += places.back().pixel_height() + kMargin;
  }
  width += 2 * kMargin;
  if (width > kMostPixels / height) {
    throw Error(Code::kLimit, fmt::format("a heatmap of {} x {} pixels is too large; draw fewer rows", width, height));
  }
  Canvas canvas(width, height);
  std::int64_t top = kMargin;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    draw(canvas, rows[i], places[i], top);
    top += places[i].pixel_height() + kMargin;
  }
  canvas.write(path);
}

}  // namespace mho::io
