# `find_package(mho)` from an installed tree.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
