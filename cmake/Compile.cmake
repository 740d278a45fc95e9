# One interface target carries what every source of ours is compiled with.
add_library(bitsweep_compile INTERFACE)
# Fused multiply-adds are where we write them, so that every build rounds alike.
target_compile_options(bitsweep_compile INTERFACE
  -march=${BITSWEEP_ARCH} -ffp-contract=off -fno-math-errno -fno-trapping-math
  # Line tables are all that a stack trace needs; full debug information costs a fifth of
  # the time to compile.
  $<$<CONFIG:RelWithDebInfo>:-O3$<SEMICOLON>-g1> $<$<CONFIG:Release>:-O3>
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
  # Designated initializers leave out what has a default. GCC 12 warns of overlaps inside its
  # own std::string (GCC bug 105651).
  -Wno-missing-field-initializers
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${BITSWEEP_WERROR}>:-Werror>)
target_include_directories(bitsweep_compile INTERFACE ${CMAKE_CURRENT_LIST_DIR}/..)
target_compile_definitions(bitsweep_compile INTERFACE BITSWEEP_ARCH="${BITSWEEP_ARCH}")
target_link_libraries(bitsweep_compile INTERFACE OpenMP::OpenMP_CXX Eigen3::Eigen fmt::fmt)
if(BITSWEEP_FUZZ)
  # Coverage for the fuzzer to steer by; its main function is linked to tests/fuzz alone.
  target_compile_options(bitsweep_compile INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(bitsweep_compile INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BITSWEEP_SANITIZE)
  target_compile_options(bitsweep_compile INTERFACE
    -fsanitize=${BITSWEEP_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(bitsweep_compile INTERFACE -fsanitize=${BITSWEEP_SANITIZE})
endif()

# bitsweep_unity(target): where CMAKE_UNITY_BUILD is set (presets release and ci), the sources
# of a folder are compiled as one, which takes a third of the time; so the names in the
# anonymous namespaces of a folder differ. Groups by number (batches) would meet other
# neighbours whenever a file is added. Files with options of their own stay alone.
function(bitsweep_unity target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
  get_target_property(sources ${target} SOURCES)
  get_target_property(base ${target} SOURCE_DIR)
  foreach(source ${sources})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${base} OUTPUT_VARIABLE folder)
    cmake_path(GET folder PARENT_PATH folder)
    cmake_path(RELATIVE_PATH folder BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    string(REPLACE "/" "_" group ${folder})
    set_property(SOURCE ${source} TARGET_DIRECTORY ${target} PROPERTY UNITY_GROUP ${group})
  endforeach()
endfunction()
