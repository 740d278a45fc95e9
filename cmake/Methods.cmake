# The headers that a plugin and the program are both compiled with, as a sum within the
# version they must agree on: nobody has to remember that an interface changed.
set(interface_headers "")
foreach(folder core schema engine quant)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/../framework/${folder}/*.h)
  list(APPEND interface_headers ${headers})
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${interface_headers})
set(interface "")
foreach(header ${interface_headers})
  file(SHA256 ${header} sum)
  string(APPEND interface ${sum})
endforeach()
string(SHA256 interface ${interface})
string(SUBSTRING ${interface} 0 12 interface)
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/interface/bitsweep_interface.h
  CONTENT "#define BITSWEEP_INTERFACE \"@interface@\"\n" @ONLY)

# bitsweep_add_methods(id ...): methods built into the program. Each is
# methods/<id>/<id>.cpp and ends in BITSWEEP_METHOD(<id>, Class); the list of calls that
# registers them is generated here, so that no linker can drop one.
function(bitsweep_add_methods)
  set(declarations "")
  set(calls "")
  set(sources "")
  foreach(id ${ARGN})
    string(APPEND declarations "MethodEntry entry_${id}();\n")
    string(APPEND calls "  registry.add(methods::entry_${id}());\n")
    list(APPEND sources ${id}/${id}.cpp)
  endforeach()
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/builtin_methods.cpp)
  file(GENERATE OUTPUT ${generated} CONTENT
"#include \"methods/builtin_methods.h\"

#include \"framework/quant/registry.h\"

namespace bitsweep {
namespace methods {
${declarations}}

void register_builtin_methods(MethodRegistry& registry) {
${calls}}

}  // namespace bitsweep
")
  add_library(bitsweep_methods STATIC ${sources} ${generated})
  # Each by itself, in every build: a method is one file, and free in its names.
  set_target_properties(bitsweep_methods PROPERTIES
    POSITION_INDEPENDENT_CODE ON UNITY_BUILD OFF)
  target_link_libraries(bitsweep_methods PUBLIC bitsweep_framework PRIVATE bitsweep_compile)
endfunction()

# bitsweep_add_plugin(target source ...): the same sources as a loadable module. The id is
# the target's name.
function(bitsweep_add_plugin id)
  set(generated ${CMAKE_CURRENT_BINARY_DIR}/${id}_plugin.cpp)
  file(GENERATE OUTPUT ${generated} CONTENT
"#include \"framework/quant/plugin.h\"

namespace bitsweep::methods {
MethodEntry entry_${id}();
}

extern \"C\" const char* bitsweep_plugin_abi() { return BITSWEEP_PLUGIN_ABI; }

extern \"C\" void bitsweep_plugin_register(bitsweep::MethodRegistry* registry,
                                         const char* path) {
  auto entry = bitsweep::methods::entry_${id}();
  entry.origin = path;
  registry->add(std::move(entry));
}
")
  add_library(${id} MODULE ${ARGN} ${generated})
  set_target_properties(${id} PROPERTIES PREFIX "")
  target_include_directories(${id} PRIVATE ${CMAKE_BINARY_DIR}/interface)
  target_link_libraries(${id} PRIVATE bitsweep_framework bitsweep_compile)
endfunction()
