#include <algorithm>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>

#include <elf.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <link.h>
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

// The program has no name here; its library has its own.
bool is_ours(std::string_view module) {
  return module.empty() ||
         module.substr(module.rfind('/') + 1).starts_with("libbitsweep");
}

std::string build_id_in(std::string_view notes) {
  constexpr auto aligned = [](std::size_t size) { return (size + 3) / 4 * 4; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) head;
    std::memcpy(&head, notes.data(), sizeof head);
    const std::size_t begin = sizeof head + aligned(head.n_namesz);
    if (begin + head.n_descsz > notes.size()) break;
    if (head.n_type == NT_GNU_BUILD_ID) {
      std::string id;
      for (const char byte : notes.substr(begin, head.n_descsz)) {
        id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      }
      return id;
    }
    notes.remove_prefix(std::min(notes.size(), begin + aligned(head.n_descsz)));
  }
  return "";
}

int add_build_id(dl_phdr_info* module, std::size_t, void* result) {
  if (!is_ours(module->dlpi_name)) return 0;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const auto& part = module->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const auto* bytes = reinterpret_cast<const char*>(module->dlpi_addr + part.p_vaddr);
    const std::string id = build_id_in({bytes, part.p_memsz});
    auto& build = *static_cast<std::string*>(result);
    if (!id.empty()) build += (build.empty() ? "" : " ") + id;
  }
  return 0;
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

std::string current_build() {
  std::string build;
  dl_iterate_phdr(add_build_id, &build);
  return build;
}

}  // namespace bitsweep
