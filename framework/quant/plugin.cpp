#include "framework/quant/plugin.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include <dlfcn.h>
#include <fmt/format.h>

#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/quant/library_file.h"

namespace bitsweep {
namespace {

struct Close {
  void operator()(void* handle) const { dlclose(handle); }
};
using Library = std::unique_ptr<void, Close>;

// RTLD_NOW: a missing symbol fails here and not in the middle of a run. RTLD_LOCAL: two
// plugins with the same names inside do not meet.
Library open_library(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) {
    throw PluginError(
        fmt::format("{}: no such file; plugins are the .so files which "
                    "bitsweep_add_plugin builds",
                    path.string()));
  }
  const auto refuse = [&](const std::string& why) {
    throw PluginError(
        fmt::format("{}: cannot be loaded ({}); build it again with "
                    "bitsweep_add_plugin against this program",
                    path.string(), why));
  };
  if (const auto problem = broken_library(path); !problem.empty()) refuse(problem);
  // An absolute path keeps the loader from searching its own folders for a bare name.
  Library library(dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library) refuse(dlerror());
  return library;
}

std::string sum_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw PluginError(path.string() + ": cannot be read");
  return sha256_hex(bytes);
}

template <class Function>
Function* symbol(const Library& library, const char* name,
                 const std::filesystem::path& path) {
  void* const address = dlsym(library.get(), name);
  if (!address) {
    throw PluginError(
        fmt::format("{}: not a bitsweep plugin: it has no '{}'; build it "
                    "with bitsweep_add_plugin",
                    path.string(), name));
  }
  return reinterpret_cast<Function*>(address);
}

}  // namespace

PluginLibraries::~PluginLibraries() {
  for (void* handle : handles_) dlclose(handle);
}

void PluginLibraries::load(const std::filesystem::path& path, MethodRegistry& registry) {
  Library library = open_library(path);
  const char* const text = symbol<const char*()>(library, "bitsweep_plugin_abi", path)();
  if (text == nullptr) {
    throw PluginError(
        fmt::format("{}: does not say what it was built for; build it with "
                    "bitsweep_add_plugin",
                    path.string()));
  }
  const std::string abi = text;
  if (abi != BITSWEEP_PLUGIN_ABI) {
    throw PluginError(fmt::format("{}: built for '{}', this program is '{}'; rebuild it",
                                  path.string(), abi, BITSWEEP_PLUGIN_ABI));
  }
  const auto add = symbol<void(MethodRegistry*, const char*)>(
      library, "bitsweep_plugin_register", path);
  handles_.push_back(library.release());
  MethodRegistry brought;
  add(&brought, path.c_str());
  const std::string sum = sum_of_file(path);
  for (const auto& id : brought.ids()) {
    MethodEntry entry = brought.at(id);
    entry.plugin = sum;
    registry.add(std::move(entry));
  }
}

}  // namespace bitsweep
