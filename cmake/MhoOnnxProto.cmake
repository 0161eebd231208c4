# The ONNX schema as Debian's libonnx-dev ships it: message classes only, not ONNX's own checker or operators.
find_package(ONNX REQUIRED)
add_library(mho_onnx_proto INTERFACE)
target_compile_definitions(mho_onnx_proto INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
target_link_libraries(mho_onnx_proto INTERFACE onnx_proto protobuf::libprotobuf)
