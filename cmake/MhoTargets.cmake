# How every target of the project is compiled.
add_library(mho_options INTERFACE)
target_compile_features(mho_options INTERFACE cxx_std_20)
target_compile_options(mho_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                             -fvisibility=hidden)
# Clang warns where `omp simd` finds nothing to gain, as in every build with sanitizers.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(mho_options INTERFACE -Wno-pass-failed)
endif()
# ccache sees which precompiled header a source was compiled with.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_DISABLE_PRECOMPILE_HEADERS)
  target_compile_options(mho_options INTERFACE -fpch-preprocess)
endif()
if(MHO_WARNINGS_AS_ERRORS)
  target_compile_options(mho_options INTERFACE -Werror)
endif()
if(MHO_SANITIZE)
  target_compile_options(mho_options INTERFACE -fsanitize=${MHO_SANITIZE} -fno-omit-frame-pointer
                                               -fno-sanitize-recover=all)
  target_link_options(mho_options INTERFACE -fsanitize=${MHO_SANITIZE})
endif()

# mho_precompile(TARGET header...): what nearly all sources include, parsed once for each target. Sources name all that
# they use all the same: `cmake --preset release -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON` must build. Quoted headers are
# written "like this.h" with the quotes, so that what is precompiled does not depend on where the project lies.
function(mho_precompile target)
  # Where many sources are one, there is little left to gain.
  if(NOT CMAKE_UNITY_BUILD)
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <functional> <limits> <map> <memory>
                                                <numeric> <optional> <span> <string> <string_view> <vector>
                                                <fmt/format.h> ${ARGN})
  endif()
endfunction()

# mho_floor(NAME dependency...): one floor of the architecture = one folder below src/, as an object library.
function(mho_floor name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  add_library(mho_${name} OBJECT ${sources})
  target_link_libraries(mho_${name} PRIVATE $<BUILD_INTERFACE:mho_options> ${ARGN})
  target_include_directories(mho_${name} PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  mho_precompile(mho_${name})
endfunction()

# mho_list_functions(FOLDER DECLARATION CALL TEMPLATE RESULT): every source in FOLDER defines the function DECLARATION,
# % standing for the file's name. Configures TEMPLATE with all @declarations@ and @calls@; returns the path of what it made.
function(mho_list_functions folder declaration call template result)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.cpp")
  foreach(source ${sources})
    get_filename_component(name "${source}" NAME_WE)
    string(REPLACE "%" "${name}" line "${declaration}\n")
    string(APPEND declarations "${line}")
    string(REPLACE "%" "${name}" line "             ${call}\n")
    string(APPEND calls "${line}")
  endforeach()
  get_filename_component(made "${template}" NAME_WLE)
  set(made "${CMAKE_CURRENT_BINARY_DIR}/generated/${made}")
  configure_file("${CMAKE_CURRENT_SOURCE_DIR}/${template}" "${made}" @ONLY)
  set(${result} "${made}" PARENT_SCOPE)
endfunction()
