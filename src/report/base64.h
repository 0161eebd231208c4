// Base64 (RFC 4648): bytes as text that a page can hold.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace mho::report {

[[nodiscard]] std::string base64(std::span<const std::byte> bytes);
/// Characters that base64() makes of so many bytes.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace mho::report
