// Whole-number expressions of model files: `${(depth - 2) / 6}`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace bitsweep {

using Variables = std::map<std::string, std::int64_t>;

/// `text` with each `${...}` replaced by its value. There are + - * / % (a division must
/// come out even), == != < <= > >= (1 where true, else 0), parentheses and names. Throws
/// ConfigError with a sentence that has no place.
std::string expanded(const std::string& text, const Variables& variables);

}  // namespace bitsweep
