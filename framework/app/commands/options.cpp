// Options that several commands share.

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/core/error.h"

namespace bitsweep {

OptionInfo plugin_option() {
  return {.name = "plugin",
          .value = "LIB.so",
          .help = "Load the methods of a shared library.",
          .repeated = true};
}

OptionInfo override_option() {
  return {.name = "set",
          .value = "A.B=VALUE",
          .help = "Put a value in the place of the study's: training.epochs=2.",
          .repeated = true};
}

OptionInfo data_folder_option() {
  return {
      .name = "data-dir", .value = "DIR", .help = "Where to look for datasets first."};
}

void load_plugins(const Arguments& arguments, Session& session) {
  std::set<std::filesystem::path> seen;
  for (const auto& path : arguments.all("plugin")) {
    if (!seen.insert(std::filesystem::weakly_canonical(path)).second) {
      throw ConfigError(fmt::format("--plugin {}: given twice; once is enough", path));
    }
    session.plugins.load(path, session.methods);
  }
}

}  // namespace bitsweep
