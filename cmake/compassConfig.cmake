# find_package(compass) -> compass::compass, the C and C++ interface, which links nothing else; or compass::compass_static,
# the same as an archive.
include("${CMAKE_CURRENT_LIST_DIR}/compassTargets.cmake")
