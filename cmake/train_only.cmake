# compass-train alone, on machines that have LibTorch and maybe nothing else: what it needs of src/ and the trainer.
# Headers of three libraries are a bundle's own (scripts/trainer_bundle.sh), otherwise the system's.
find_package(Threads REQUIRED)
find_package(Torch REQUIRED)
set(COMPASS_TESTS OFF)
# All of the program has the C++ library's interface that LibTorch was built with.
separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
add_compile_options(${torch_flags})

set(bundled ${PROJECT_SOURCE_DIR}/headers)
if(EXISTS ${bundled})
  add_library(compass_headers INTERFACE)
  target_include_directories(compass_headers SYSTEM INTERFACE ${bundled})
  target_compile_definitions(compass_headers INTERFACE FMT_HEADER_ONLY XXH_INLINE_ALL)
  add_library(nlohmann_json::nlohmann_json ALIAS compass_headers)
  add_library(fmt::fmt ALIAS compass_headers)
  add_library(PkgConfig::XXHASH ALIAS compass_headers)
else()
  find_package(PkgConfig REQUIRED)
  find_package(nlohmann_json REQUIRED)
  find_package(fmt REQUIRED)
  pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
endif()

add_subdirectory(src)
add_subdirectory(lab)
add_subdirectory(train)
