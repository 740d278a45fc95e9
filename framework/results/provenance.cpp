#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include "bitsweep_revision.h"
#include "framework/core/parallel.h"
#include "framework/results/record.h"

namespace bitsweep {
namespace {

std::string compiler() {
#ifdef __clang__
  return fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__,
                     __clang_patchlevel__);
#else
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string trimmed(std::string_view text) {
  constexpr auto kIgnored = " \t\"'";
  const auto begin = text.find_first_not_of(kIgnored);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kIgnored) - begin + 1));
}

// What stands behind `separator` in the first line that begins with `key`.
std::string value_in_file(const char* path, std::string_view key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto end = line.find(separator);
    if (line.starts_with(key) && end != line.npos) return trimmed(line.substr(end + 1));
  }
  return "unknown";
}

}  // namespace

double peak_memory_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return double(usage.ru_maxrss) * 1024 / 1e6;  // Linux counts in KiB
}

Provenance current_provenance() {
  Provenance provenance;
  provenance.program = "bitsweep " BITSWEEP_VERSION;
  provenance.revision = BITSWEEP_REVISION;
  provenance.compiler = compiler();
  provenance.arch = BITSWEEP_ARCH;
  provenance.cpu = value_in_file("/proc/cpuinfo", "model name", ':');
  provenance.host_os = value_in_file("/etc/os-release", "PRETTY_NAME", '=');
  provenance.threads = threads();
  provenance.started =
      fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  provenance.peak_memory_mb = peak_memory_mb();
  return provenance;
}

}  // namespace bitsweep
