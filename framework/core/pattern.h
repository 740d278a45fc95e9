// Names with wildcards.
#pragma once

#include <string_view>

namespace bitsweep {

/// Where `*` stands for any run of characters, slashes too: "conv*/weight".
bool matches_pattern(std::string_view pattern, std::string_view name);

}  // namespace bitsweep
