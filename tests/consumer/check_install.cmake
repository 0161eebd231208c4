# A project of a user's own builds against the installed tree and runs:
#   cmake -DBUILD=… -DSOURCE=… -DSCRATCH=… -DCONFIG=… -P check_install.cmake
function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGN}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
step("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${SCRATCH}/prefix" --config "${CONFIG}")
step("${CMAKE_COMMAND}" -S "${SOURCE}/examples/cpp" -B "${SCRATCH}/build" -G Ninja "-DCMAKE_PREFIX_PATH=${SCRATCH}/prefix"
     "-DCMAKE_BUILD_TYPE=${CONFIG}")
step("${CMAKE_COMMAND}" --build "${SCRATCH}/build")
step("${SCRATCH}/build/top_neurons" "${SOURCE}/examples/digits/cnn.onnx" "${SOURCE}/examples/digits/digits.npz" relu4)
string(REGEX MATCHALL "neuron +[0-9]+ +[-+]" ranked "${output}")
list(LENGTH ranked count)
if(NOT count EQUAL 5)
  message(FATAL_ERROR "expected five ranked neurons, got ${count}")
endif()
step("${SCRATCH}/prefix/bin/mho" --version)
