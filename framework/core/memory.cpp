#include "framework/core/memory.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// The number in `file`; without one ("max") no limit.
void lower_to(const fs::path& file, double& limit) {
  double bytes = 0;
  if (std::ifstream(file) >> bytes && bytes > 0) limit = std::min(limit, bytes);
}

// Each group bounds those inside it. Version 2 says "0::/a/b", version 1 "5:memory:/a/b".
void lower_to_groups(double& limit) {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto name = line.find(':') + 1;
    const auto path = line.find(':', name) + 1;
    if (name == 0 || path == 0) continue;
    const std::string controllers = line.substr(name, path - name - 1);
    const bool is_second = controllers.empty();
    if (!is_second && controllers != "memory") continue;
    const fs::path root = is_second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* file = is_second ? "memory.max" : "memory.limit_in_bytes";
    lower_to(root / file, limit);
    fs::path group = root;
    for (const auto& part : fs::path(line.substr(path)).relative_path()) {
      group /= part;
      lower_to(group / file, limit);
    }
  }
}

double machine_limit() {
  double limit = double(sysconf(_SC_PHYS_PAGES)) * double(sysconf(_SC_PAGESIZE));
  lower_to_groups(limit);
  return limit;
}

std::optional<double> given_megabytes() {
  const char* text = std::getenv("BITSWEEP_MEMORY_MB");
  if (text == nullptr || *text == '\0') return std::nullopt;
  char* end = nullptr;
  const double megabytes = std::strtod(text, &end);
  if (*end == '\0' && megabytes > 0) return megabytes;
  throw ConfigError(fmt::format(
      "BITSWEEP_MEMORY_MB: '{}' is no amount of memory; a number of megabytes above 0 is "
      "expected: 4000",
      text));
}

}  // namespace

double memory_limit() {
  static const double machine = machine_limit();  // asked for each row of a study
  double limit = machine;
  if (const auto given = given_megabytes()) limit = std::min(limit, 1e6 * *given);
  return limit;
}

std::string memory_text(double bytes) {
  const char* unit = "MB";
  double amount = bytes / 1e6;
  for (const char* next : {"GB", "TB", "PB"}) {
    if (amount < 1000) break;
    amount /= 1000;
    unit = next;
  }
  return amount < 10 ? fmt::format("{:.1f} {}", amount, unit)
                     : fmt::format("{:.0f} {}", amount, unit);
}

}  // namespace bitsweep
