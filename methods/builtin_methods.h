// The methods that CMake lists in methods/CMakeLists.txt.
#pragma once

namespace bitsweep {

class MethodRegistry;

void register_builtin_methods(MethodRegistry& registry);

}  // namespace bitsweep
