// What arrays a result file has and how its metadata is laid out; shared by all that write results.
#pragma once

#include <mho/attribution.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace mho::io {

/// The array of a layer in an .npz.
[[nodiscard]] std::string array_name(std::string_view layer);
/// `visit(name, array)` for every array of the result, in the order of the file. `name_of` tells a layer's.
void for_each_array(const Result& result, const std::function<std::string(const LayerResult&)>& name_of,
                    const std::function<void(const std::string&, const Array&)>& visit);
/// The document behind `mho/metadata`.
[[nodiscard]] nlohmann::json describe(const Result& result);
/// Names in a model need not be valid UTF-8; the text is.
[[nodiscard]] std::string metadata_text(const nlohmann::json& document);

}  // namespace mho::io
