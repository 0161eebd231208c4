// From `mho attribute` options to a Request: everything that needs neither model nor files.
#pragma once

#include <mho/attribution.h>
#include <mho/parts.h>

#include <optional>

#include "arguments.h"

namespace mho::cli {

/// Method, quadrature, tolerances and limits; target, baseline and progress are left to the caller.
/// Throws Error(kInvalidArgument) for options that make no sense alone or together.
[[nodiscard]] Request make_request(const AttributeArguments& arguments);
/// --shard I/N; none where it is not given. Throws Error(kInvalidArgument).
[[nodiscard]] std::optional<io::Shard> parse_shard(const std::string& text);
/// "RULE" or "NODES=RULE". Throws Error(kInvalidArgument).
[[nodiscard]] RuleChoice parse_rule_choice(const std::string& text);
/// Names of the files that the run reads.
[[nodiscard]] std::vector<std::string> files_read(const AttributeArguments& arguments);

/// A result or picture can be written: the ending is right, the folder exists, nothing is there unless --force, and
/// no file that the run reads would be replaced. Throws Error(kInvalidArgument).
void check_destinations(const AttributeArguments& arguments);

/// Whether results are written chunk by chunk: HDF5 in or out, --chunk, or --shard.
[[nodiscard]] bool streams(const AttributeArguments& arguments);

/// "adaptive to tolerance 0.01, at most 1024 segments", "64 segments, midpoint"; "" without a path.
[[nodiscard]] std::string quadrature_text(const Request& request);

}  // namespace mho::cli
