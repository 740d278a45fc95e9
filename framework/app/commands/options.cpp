// Options that several commands share.

#include <filesystem>
#include <set>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/questioned.h"
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

namespace {

// Loads a plugin and asks its methods what this process will ask them, in a process of
// its own: one that ends the process, or never comes back, is refused by name.
void try_plugin(const std::string& path, const MethodRegistry& methods) {
  try {
    const std::string refusal = ask_in_child([&](const Tell&) -> std::string {
      PluginLibraries plugins;
      MethodRegistry brought = methods;
      try {
        plugins.load(path, brought);
      } catch (const PluginError& error) {
        return error.what();
      }
      for (const auto& id : brought.ids()) {
        if (methods.contains(id)) continue;
        std::vector<ParamProblem> problems;
        brought.at(id).resolve({}, problems);
      }
      return "";
    });
    if (!refusal.empty()) throw PluginError(refusal);
  } catch (const NoAnswer& failure) {
    throw PluginError(
        fmt::format("{}: does not survive being loaded: {}; mend it and build it again",
                    path, failure.what()));
  }
}

}  // namespace

void load_plugins(const Arguments& arguments, Session& session) {
  for (const auto& path : arguments.all("plugin")) try_plugin(path, session.methods);
  load_tried_plugins(arguments, session);
}

void load_tried_plugins(const Arguments& arguments, Session& session) {
  std::set<std::filesystem::path> seen;
  for (const auto& path : arguments.all("plugin")) {
    if (!seen.insert(std::filesystem::weakly_canonical(path)).second) {
      throw ConfigError(fmt::format("--plugin {}: given twice; once is enough", path));
    }
    session.plugins.load(path, session.methods);
  }
}

}  // namespace bitsweep
