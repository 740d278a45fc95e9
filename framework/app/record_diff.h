// How two runs, or two folders of results, differ.
#pragma once

#include <filesystem>
#include <string>

#include "framework/results/record.h"

namespace bitsweep {

struct Difference {
  std::string text;  // a line each, in sections; "" where nothing differs
  bool same = true;
};

/// Configuration, what produced them (when and how fast it was aside), and result.
Difference record_difference(const RunRecord& a, const RunRecord& b);

/// Run by run, those with the same row and seed beside each other. Throws DataError for
/// what cannot be read.
Difference folder_difference(const std::filesystem::path& a,
                             const std::filesystem::path& b);

}  // namespace bitsweep
