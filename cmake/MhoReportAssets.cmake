# The page's style and scripts as one C++ source: mho_report_assets(RESULT). Run as a script (-P) it makes that source.
# Vega comes from Debian's and Ubuntu's package libjs-vega, module by module; src/report/assets/loader.js joins them.
set(vega_modules
    util time format loader dataflow statistics scale canvas scenegraph expression event-selector selection functions
    runtime parser view transforms view-transforms encode interpreter)

function(mho_report_assets result)
  set(folder "${CMAKE_CURRENT_SOURCE_DIR}/report/assets")
  file(GLOB assets CONFIGURE_DEPENDS "${folder}/*")
  foreach(module ${vega_modules})
    find_file(MHO_VEGA_${module} vega-${module}.min.js PATHS /usr/share/javascript/vega /usr/share/nodejs/vega-${module}/build)
    if(NOT MHO_VEGA_${module})
      message(FATAL_ERROR "Vega's vega-${module}.min.js was not found, which `mho report` draws with. "
                          "Install libjs-vega (apt-get install libjs-vega), or set MHO_VEGA_${module} to the file.")
    endif()
    mark_as_advanced(MHO_VEGA_${module})
    list(APPEND files "${MHO_VEGA_${module}}")
    list(APPEND arguments "-DMHO_VEGA_${module}=${MHO_VEGA_${module}}")
  endforeach()
  set(made "${CMAKE_CURRENT_BINARY_DIR}/generated/report_assets.cpp")
  add_custom_command(
    OUTPUT "${made}"
    COMMAND ${CMAKE_COMMAND} ${arguments} "-Dfolder=${folder}" "-Dmade=${made}" -P "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    DEPENDS ${assets} ${files} "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    COMMENT "Embedding the report's page" VERBATIM)
  set(${result} "${made}" PARENT_SCOPE)
endfunction()

if(NOT CMAKE_SCRIPT_MODE_FILE)
  return()
endif()

# A file without what would end the script or the literal that it stands in.
function(read_safe path result)
  file(READ "${path}" text)
  string(FIND "${text}" "</script" in_script)
  string(FIND "${text}" ")mho_asset" in_literal)
  if(NOT in_script EQUAL -1 AND NOT path MATCHES "html$")
    message(FATAL_ERROR "${path} contains </script")
  endif()
  if(NOT in_literal EQUAL -1)
    message(FATAL_ERROR "${path} contains )mho_asset")
  endif()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

read_safe("${folder}/loader.js" script)
set(script "\n${script}")
macro(add_module name path)
  read_safe("${path}" text)
  string(APPEND script "mho.define('${name}', function (exports, require, module) {\n${text}\n});\n")
endmacro()
foreach(module ${vega_modules})
  add_module("vega-${module}" "${MHO_VEGA_${module}}")
endforeach()
file(GLOB scripts "${folder}/*.js")
foreach(path ${scripts})
  get_filename_component(name "${path}" NAME_WE)
  if(NOT name STREQUAL "loader")
    add_module("./${name}" "${path}")
  endif()
endforeach()
string(APPEND script "mho.start('./main');\n")
string(SHA256 hash "${script}")
read_safe("${folder}/page.html" page)
read_safe("${folder}/style.css" style)

set(source "// Made by cmake/MhoReportAssets.cmake.\n#include \"report/assets.h\"\n\nnamespace mho::report::assets {\n\n")
foreach(asset page style script)
  string(APPEND source "std::string_view ${asset}() { return R\"mho_asset(${${asset}})mho_asset\"; }\n")
endforeach()
string(APPEND source "std::string_view script_sha256() { return \"${hash}\"; }\n\n}  // namespace mho::report::assets\n")
file(WRITE "${made}" "${source}")
