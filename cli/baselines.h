// Reading `-b`: where the path begins.
#pragma once

#include <mho/attribution.h>

#include <span>
#include <string>
#include <vector>

#include "inputs.h"

namespace mho::cli {

/// None: 0. One number or "mean". Files as for `-i`. NAME=NUMBER fills one input with it; `inputs` tells its shape.
/// Throws Error (kInvalidArgument, kIo).
[[nodiscard]] Baseline read_baseline(const std::vector<std::string>& arguments, std::span<const Port> ports,
                                     const Inputs& inputs, const PictureArguments& pictures);

}  // namespace mho::cli
