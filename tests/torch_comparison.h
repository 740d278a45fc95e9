// Comparisons with PyTorch: a test writes what went in and came out, and a script beside
// it has PyTorch do the same.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/wait.h>

namespace bitsweep::testing {

/// Where a test leaves `name` for its script.
inline std::filesystem::path file_for_torch(const std::string& name) {
  return std::filesystem::path(BITSWEEP_BINARY_DIR) / name;
}

/// Runs tests/SCRIPT on what was written, a file or a folder, and `more` words. It exits
/// with 0 where both agree, and with 77 where PyTorch is not installed: a warning.
inline void compare_with_torch(const std::string& script,
                               const std::filesystem::path& written,
                               const std::string& more = "") {
  constexpr int kNoTorch = 77;
  const int status =
      std::system(fmt::format("'{}' -B '{}/tests/{}' '{}' {}", BITSWEEP_PYTHON,
                              BITSWEEP_SOURCE_DIR, script, written.string(), more)
                      .c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoTorch) {
    WARN("not compared: PyTorch is not installed");
    return;
  }
  CHECK(status == 0);
}

}  // namespace bitsweep::testing
