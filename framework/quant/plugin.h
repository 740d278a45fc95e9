// Methods from shared libraries.
#pragma once

#include <filesystem>
#include <vector>

#include "bitsweep_interface.h"
#include "framework/quant/method.h"
#include "framework/quant/registry.h"

/// What a plugin and the program must agree on: the interface's headers, the compiler,
/// and the CPU compiled for, on which the alignment of Eigen's types depends.
#define BITSWEEP_PLUGIN_ABI \
  "bitsweep " BITSWEEP_INTERFACE " " __VERSION__ " " BITSWEEP_ARCH

namespace bitsweep {

/// The plugins loaded. Declare it before the registry: what a library made must be gone
/// before the library is.
class PluginLibraries {
 public:
  PluginLibraries() = default;
  PluginLibraries(const PluginLibraries&) = delete;
  PluginLibraries& operator=(const PluginLibraries&) = delete;
  ~PluginLibraries();

  /// Adds the methods of the library at `path` to the registry; throws PluginError.
  void load(const std::filesystem::path& path, MethodRegistry& registry);

 private:
  std::vector<void*> handles_;
};

}  // namespace bitsweep
