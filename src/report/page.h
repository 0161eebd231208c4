// Puts page, style, scripts and data together.
#pragma once

#include <mho/report.h>

#include <string>

namespace mho::report {

/// The text of the page. Throws as write_page.
[[nodiscard]] std::string make_page(const Result& result, const Options& options);

}  // namespace mho::report
