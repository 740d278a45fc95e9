# Writes OUTPUT, a header with the git revision of the sources at SOURCE; run by every
# build, it touches the file only when the revision has changed. "-dirty" means that files
# from which the program is built differ from the commit.
#   cmake -DSOURCE=<folder> -DOUTPUT=<header> -P revision.cmake
find_program(GIT git)

function(ask_git answer)
  set(${answer} "" PARENT_SCOPE)
  if(GIT)
    execute_process(COMMAND ${GIT} -C ${SOURCE} --no-optional-locks ${ARGN}
      RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(result EQUAL 0)
      set(${answer} "${text}" PARENT_SCOPE)
    endif()
  endif()
endfunction()

# Sources unpacked within someone else's repository have no revision of their own.
ask_git(top rev-parse --show-toplevel)
file(REAL_PATH "${SOURCE}" source)
set(revision "unknown")
if(top STREQUAL source)
  ask_git(commit rev-parse --short=12 HEAD)
  if(commit)
    ask_git(changes status --porcelain --untracked-files=no
      -- CMakeLists.txt CMakePresets.json cmake framework methods)
    set(revision "${commit}")
    if(changes)
      string(APPEND revision "-dirty")
    endif()
  endif()
endif()

set(text "#define BITSWEEP_REVISION \"${revision}\"\n")
set(before "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} before)
endif()
if(NOT text STREQUAL before)
  file(WRITE ${OUTPUT} "${text}")
endif()
