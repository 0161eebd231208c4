// PNG pictures, decoded by libpng.
#pragma once

#include <string>

#include "io/pixels.h"

namespace mho::io {

/// Decodes to 1 channel where the file is grey, else to 3; an alpha channel is dropped. Throws Error: kIo for damaged
/// or truncated files, kLimit for pictures that are too large, each with `what` in front of the reason.
[[nodiscard]] Pixels decode_png(std::span<const std::byte> bytes, const std::string& what);

}  // namespace mho::io
