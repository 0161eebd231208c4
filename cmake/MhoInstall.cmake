# `find_package(mho)` from an installed tree.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/mho")

# mho is a static library: whoever links it links what it uses too, so the wrapper around ONNX's schema is exported
# beside it, and mhoConfig.cmake finds the rest.
set_target_properties(mho_onnx_proto PROPERTIES EXPORT_NAME onnx_proto)
install(TARGETS mho mho_onnx_proto EXPORT mho_targets)
install(TARGETS mho_cli)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/mho" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.h")
install(EXPORT mho_targets NAMESPACE mho:: DESTINATION "${package_dir}" FILE mhoTargets.cmake)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/mhoConfig.cmake.in" "${PROJECT_BINARY_DIR}/mhoConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/mhoConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/mhoConfig.cmake" "${PROJECT_BINARY_DIR}/mhoConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindOneDNN.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/FindSerialHDF5.cmake" DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
