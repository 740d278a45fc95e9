#include "framework/app/output_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

// Why no file can be made in the folder, or "".
std::string closed_because(const fs::path& folder) {
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    return fmt::format("'{}' is not a folder", folder.string());
  }
  // Rights alone do not tell: nobody makes files below /proc.
  std::string probe = (folder / ".bitsweep-XXXXXX").string();
  const int file = mkstemp(probe.data());
  if (file < 0) return std::strerror(errno);
  close(file);
  unlink(probe.c_str());
  return "";
}

}  // namespace

OptionInfo force_option() {
  return {.name = "force", .value = "", .help = "Replace the file that --out names."};
}

fs::path output_file(const Arguments& arguments, const std::string& otherwise) {
  const fs::path file = arguments.text("out", otherwise);
  const auto refuse = [&](const std::string& why) {
    throw ConfigError(
        fmt::format("{}: --out: '{}' {}", arguments.command(), file.string(), why));
  };
  std::error_code failure;
  if (fs::is_directory(file, failure)) refuse("is a folder; name a file");
  if (fs::exists(file, failure) && !fs::is_regular_file(file, failure)) {
    refuse("is a device or the like; name a file");
  }
  if (fs::exists(file, failure) && !arguments.has("force")) {
    refuse("is there already; name another, or give --force");
  }
  for (const std::string& input : arguments.positionals()) {
    if (fs::equivalent(file, input, failure)) {
      refuse("is what the command reads; name another");
    }
  }
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (const auto why = closed_because(folder); !why.empty()) {
    refuse(fmt::format("cannot be written: {}", why));
  }
  // What a link points to is replaced, not the link.
  return fs::is_symlink(file, failure) ? fs::canonical(file) : file;
}

}  // namespace bitsweep
