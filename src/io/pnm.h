// Binary PGM and PPM pictures (P5, P6).
#pragma once

#include <string>

#include "io/pixels.h"

namespace mho::io {

[[nodiscard]] bool is_pnm(std::span<const std::byte> bytes);
/// Decodes with the channels that the file has, scaled to 8 bits. Throws Error(kIo) with `what` in front of the reason.
[[nodiscard]] Pixels decode_pnm(std::span<const std::byte> bytes, const std::string& what);

}  // namespace mho::io
