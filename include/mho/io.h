// Reading inputs and writing results.
#pragma once

#include <mho/array.h>
#include <mho/attribution.h>

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mho::io {

/// NumPy .npy, C or Fortran order, little or big endian, any integer, float or bool type (float16 too).
/// Throws Error(kIo) or Error(kInvalidArgument) naming file and reason.
[[nodiscard]] Array read_npy(const std::filesystem::path& path);
/// All arrays of a .npz (stored or deflated), by name without ".npy"; texts (NumPy's U and S) are left out.
/// Throws as read_npy, and Error(kLimit) for archives that unpack to absurd sizes.
[[nodiscard]] std::map<std::string, Array, std::less<>> read_npz(const std::filesystem::path& path);
/// The zero-dimensional texts of a .npz, as UTF-8.
[[nodiscard]] std::map<std::string, std::string> read_npz_texts(const std::filesystem::path& path);

/// Writes to a temporary name in the same folder and renames: a reader never sees half a file.
void write_npy(const std::filesystem::path& path, const Array& array);
void write_npz(const std::filesystem::path& path, const std::map<std::string, Array, std::less<>>& arrays,
               const std::map<std::string, std::string>& texts = {});  ///< texts: zero-dimensional unicode arrays

/// How a picture becomes an input.
struct ImageOptions {
  std::int64_t height = 0;  ///< 0: as in the file
  std::int64_t width = 0;
  std::int64_t channels = 3;  ///< 1: grey
  bool bgr = false;
  bool channels_last = false;  ///< [1, H, W, C] instead of [1, C, H, W]
  double scale = 1.0 / 255.0;  ///< pixel * scale, then (v - mean) / std
  std::vector<double> mean;    ///< one per channel or one for all; empty: 0
  std::vector<double> stddev;  ///< likewise; empty: 1
};
/// PNG, JPEG, BMP, PGM/PPM, as float32 [1, C, H, W]. Resized with a triangle filter (bilinear, averaging when the
/// picture shrinks), to 8-bit pixels as image libraries do; pixels of more than 8 bits are reduced to 8.
[[nodiscard]] Array read_image(const std::filesystem::path& path, const ImageOptions& options);
/// Whether `path` has the extension of a picture that read_image knows.
[[nodiscard]] bool is_image_path(const std::filesystem::path& path);

/// One line of a heatmap: maps beside each other, coloured on one scale.
struct HeatmapRow {
  std::string label;  ///< printed above the maps; ASCII
  Array maps;         ///< [H, W] or [N, H, W]; NaN is drawn grey
  double limit = 0;   ///< value of full colour; 0: the largest magnitude of the row
};
struct HeatmapOptions {
  std::int64_t map_pixels = 64;  ///< maps are enlarged by whole factors to about this many pixels
  std::int64_t columns = 16;     ///< maps per line; more wrap
};
/// Writes a PNG: blue is negative, white 0, red positive, symmetric around 0.
/// Throws Error(kInvalidArgument, kLimit, kIo).
void write_heatmap_png(const std::filesystem::path& path, const std::vector<HeatmapRow>& rows,
                       const HeatmapOptions& options = {});

/// Results as .npz: one array per layer, named by layer; per-example arrays `mho/f_input`, `mho/f_baseline`,
/// `mho/target`, `mho/evaluations`, `mho/steps`, `mho/converged`, `mho/residual/<layer>`,
/// `mho/cancellation/<layer>`, `mho/estimated_error/<layer>`, and `mho/names` where the examples have some;
/// `mho/metadata` is a JSON text. numpy.load reads it. A layer whose own name begins with `mho/` is stored as
/// `layer:<name>`; the metadata lists the array of every layer.
void write_result(const std::filesystem::path& path, const Result& result);
/// What write_result or RunParts (<mho/parts.h>) wrote, all of it. Throws Error(kIo) for other and damaged files.
[[nodiscard]] Result read_result(const std::filesystem::path& path);

}  // namespace mho::io
