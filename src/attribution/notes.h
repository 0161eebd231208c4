// What a result says beside its numbers.
#pragma once

#include <mho/attribution.h>

#include <algorithm>
#include <string>
#include <utility>

namespace mho::attribution {

/// Adds a sentence to `result.notes`, unless it stands there already.
inline void add_note(Result& result, std::string text) {
  if (std::ranges::find(result.notes, text) == result.notes.end()) result.notes.push_back(std::move(text));
}

}  // namespace mho::attribution
