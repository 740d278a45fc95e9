# cmake --install BUILD --prefix PREFIX: the program, its library, and in share/bitsweep what
# they bring along, laid out as in the source tree. A build folder has the same layout, with a
# link to the source tree as its share/bitsweep, so that one rule finds the files of both.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share)
file(CREATE_LINK ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/share/bitsweep SYMBOLIC)

# For plugins built elsewhere, against a build folder or an installed bitsweep.
set(BITSWEEP_PREFIX "")
configure_file(cmake/bitsweep-config.cmake.in bitsweep-config.cmake @ONLY)
set(BITSWEEP_PREFIX "/../../..")
configure_file(cmake/bitsweep-config.cmake.in installed/bitsweep-config.cmake @ONLY)

function(bitsweep_install)
  install(TARGETS bitsweep bitsweep_framework RUNTIME DESTINATION bin LIBRARY DESTINATION lib)
  install(FILES ${CMAKE_BINARY_DIR}/installed/bitsweep-config.cmake
    DESTINATION lib/cmake/bitsweep)
  install(DIRECTORY configs experiments DESTINATION share/bitsweep)
  install(DIRECTORY datasets DESTINATION share/bitsweep FILES_MATCHING PATTERN README.md)
  install(PROGRAMS scripts/fetch-datasets DESTINATION share/bitsweep/scripts)
  install(FILES cmake/Compile.cmake cmake/Methods.cmake DESTINATION share/bitsweep/cmake)
  foreach(folder core schema engine quant)
    install(DIRECTORY framework/${folder} DESTINATION share/bitsweep/framework
      FILES_MATCHING PATTERN *.h)
  endforeach()
endfunction()
