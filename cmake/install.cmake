# liballoc-run, and what `cmake --install` puts where.
#   lib/liballoc.so liballoc.a   lib/pkgconfig/liballoc.pc   lib/cmake/liballoc
#   include/liballoc.h           the API
#   include/liballoc/layout/     for readers of the heap: -I include/liballoc
#   bin/liballoc-run             share/man/man1, man3, man7
include(CMakePackageConfigHelpers)

file(RELATIVE_PATH libdir_from_bindir
  ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
file(GLOB run_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/run/*.c)
add_executable(liballoc-run ${run_sources})
target_include_directories(liballoc-run PRIVATE
  ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(liballoc-run PRIVATE _GNU_SOURCE
  LIBALLOC_LIBDIR="${CMAKE_INSTALL_FULL_LIBDIR}"
  LIBALLOC_LIBDIR_FROM_BINDIR="${libdir_from_bindir}")
target_link_libraries(liballoc-run PRIVATE liballoc_warnings)
add_dependencies(liballoc-run liballoc_shared)

set_target_properties(liballoc_shared PROPERTIES EXPORT_NAME liballoc)
set_target_properties(liballoc_static PROPERTIES EXPORT_NAME static)
install(TARGETS liballoc_shared liballoc_static EXPORT liballoc
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS liballoc-run DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_SOURCE_DIR}/include/liballoc.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/layout
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/liballoc)
file(GLOB man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/man/*.[1-9])
foreach(page ${man_pages})
  string(REGEX MATCH "[1-9]$" section ${page})
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/liballoc)
install(EXPORT liballoc NAMESPACE liballoc:: FILE liballoc-targets.cmake
  DESTINATION ${package_dir})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/liballoc-config.cmake.in
  ${PROJECT_BINARY_DIR}/liballoc-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/liballoc-config-version.cmake
  COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/liballoc-config.cmake
  ${PROJECT_BINARY_DIR}/liballoc-config-version.cmake
  DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pc
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/liballoc.pc.in
  ${PROJECT_BINARY_DIR}/liballoc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/liballoc.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

add_executable(tunables-doc ${PROJECT_SOURCE_DIR}/docs/generate/tunables_doc.c)
target_include_directories(tunables-doc PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(tunables-doc PRIVATE liballoc_warnings)
add_custom_target(update-docs
  COMMAND ${PROJECT_SOURCE_DIR}/docs/generate/update
    $<TARGET_FILE:tunables-doc> ${PROJECT_SOURCE_DIR} VERBATIM)
