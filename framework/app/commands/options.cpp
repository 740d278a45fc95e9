// Options that several commands share.

#include "framework/app/commands/commands.h"

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
  for (const auto& path : arguments.all("plugin")) {
    session.plugins.load(path, session.methods);
  }
}

}  // namespace bitsweep
