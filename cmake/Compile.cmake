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
target_include_directories(bitsweep_compile INTERFACE ${CMAKE_SOURCE_DIR})
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
