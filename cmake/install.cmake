# cmake --install: the commands, the library (shared and static) with its headers and what CMake and pkg-config want to
# know of it, the models, the manual pages. In two
# components: "lab" is compass-lab with what it loads, "compass" all the rest.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/compass)
install(TARGETS compass compass_static EXPORT compassTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
list(TRANSFORM COMPASS_STATIC_NEEDS PREPEND -l OUTPUT_VARIABLE COMPASS_STATIC_FLAGS)
list(JOIN COMPASS_STATIC_FLAGS " " COMPASS_STATIC_FLAGS)
file(RELATIVE_PATH COMPASS_TO_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(cmake/compass.pc.in ${PROJECT_BINARY_DIR}/compass.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/compass.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(DIRECTORY include/compass DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT compassTargets NAMESPACE compass:: DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/compassConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/compassConfig.cmake ${PROJECT_BINARY_DIR}/compassConfigVersion.cmake DESTINATION ${package_dir})

install(TARGETS compass_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS compass_lab RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT lab)
# tools/common/installed_part.cc looks for them in ../<libdir>/compass, seen from the command.
install(TARGETS compass_images compass_http LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/compass)
install(TARGETS compass_read_picture RUNTIME DESTINATION ${CMAKE_INSTALL_LIBDIR}/compass)
install(FILES tools/compass/compass.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES tools/lab/compass-lab.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT lab)
# tools/common/model_path.cc looks for models in ../share/compass/models, seen from the command.
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/compass/models FILES_MATCHING PATTERN "*.safetensors")
# What browsers need of it; the modules, as they are and packed, if scripts/wasm.sh has made them.
file(GLOB web_files web/*.mjs web/*.mts web/viewer.html web/package.json)
install(FILES ${web_files} DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/compass/web)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/build/wasm/package/ DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/compass/web
        OPTIONAL FILES_MATCHING PATTERN "*.wasm" PATTERN "*.wasm.gz")
