# find_package(compass) -> compass::compass, the C and C++ interface. It links nothing else.
include("${CMAKE_CURRENT_LIST_DIR}/compassTargets.cmake")
