// JPEG pictures, decoded by libjpeg.
#pragma once

#include <string>

#include "io/pixels.h"

namespace mho::io {

/// Decodes to 1 channel where the file is grey, else to 3. Throws Error: kIo for damaged or truncated files, kLimit for
/// pictures that are too large, each with `what` in front of the reason.
[[nodiscard]] Pixels decode_jpeg(std::span<const std::byte> bytes, const std::string& what);

}  // namespace mho::io
