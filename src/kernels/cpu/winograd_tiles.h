// Winograd's algorithm (arXiv 1509.09308) for 3 x 3 convolutions of stride 1, on AVX-512, tile by tile.
#pragma once

#include <cstdint>

namespace mho::kernels::cpu {

/// Whether this CPU has the instructions that winograd() is written in.
[[nodiscard]] bool has_winograd();

/// Outputs of one tile per axis: F(2 x 2, 3 x 3) takes 16 products for 4 outputs, F(4 x 4, 3 x 3) 36 for 16; directly
/// they take 36 and 144.
enum class Tile : std::uint8_t { two = 2, four = 4 };

/// Weights, transformed: products of one element of a tile are a matrix product over the channels.
struct WinogradWeights {
  std::int64_t channels = 0;  ///< of what is read, a multiple of 16
  std::int64_t filters = 0;   ///< channels of what is written, a multiple of 16
  Tile tile = Tile::four;
  bool adjoint = false;  ///< of the adjoint in x, a convolution with the windows turned around
  [[nodiscard]] std::int64_t size() const;
  /// `w` is [filters, channels, 3, 3], of the adjoint [channels, filters, 3, 3]; `to` takes size() elements.
  void transform(const float* w, int threads, float* to) const;
};

/// One convolution; x and y are nChw16c.
struct WinogradConvolution {
  WinogradWeights weights;
  std::int64_t images = 0;
  std::int64_t height = 0, width = 0;          ///< of x
  std::int64_t out_height = 0, out_width = 0;  ///< of y
  std::int64_t pad_top = 0, pad_left = 0;

  struct Operands {
    const float* x = nullptr;
    const float* weights = nullptr;   ///< transformed
    const float* bias = nullptr;      ///< may be missing
    const float* residual = nullptr;  ///< added, like y; may be y, may be missing
    bool relu = false;
    float* y = nullptr;
    float* scratch = nullptr;  ///< scratch_size(threads) elements
  };
  [[nodiscard]] std::int64_t scratch_size(int threads) const;
  /// Every output is the same sum in the same order whatever the batch and the threads.
  void run(const Operands& operands, int threads) const;

 private:
  [[nodiscard]] std::int64_t tiles() const;
  [[nodiscard]] std::int64_t tiles_at_once(int threads) const;
};

}  // namespace mho::kernels::cpu
