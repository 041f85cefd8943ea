#include "image_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

// Where installation puts it, seen from the command; programs of the build tree find the build's.
fs::path module_path() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path() / COMPASS_INSTALLED_MODULES / COMPASS_IMAGE_MODULE;
  const fs::path inside = program.lexically_relative(COMPASS_BUILD_DIRECTORY);
  const bool built = !inside.empty() && *inside.begin() != "..";
  if (!built || fs::exists(installed, error)) return installed.lexically_normal();
  return fs::path(COMPASS_BUILD_DIRECTORY) / "tools" / COMPASS_IMAGE_MODULE;
}

Result<const ImageModule*> load() {
  const fs::path path = module_path();
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays until the program ends
  void* const entry = library == nullptr ? nullptr : dlsym(library, kImageModuleEntry);
  if (entry == nullptr) {
    return Error{ErrorCode::kFailure,
                 fmt::format("cannot load the part that reads and writes pictures: {}; install compass again",
                             dlerror())};
  }
  const ImageModule* module = reinterpret_cast<ImageModuleEntry*>(entry)();
  if (Status started = module->start(); !started) return started.error();
  return module;
}

}  // namespace

void forget_debugging() {
  for (const char* name : {"G_MESSAGES_DEBUG", "IM_INFO", "IM_PROGRESS", "IM_WARNING", "VIPS_INFO",
                           "VIPS_LEAK", "VIPS_PROFILE", "VIPS_PROGRESS", "VIPS_TRACE", "VIPS_WARNING"}) {
    unsetenv(name);
  }
}

Result<const ImageModule*> image_module() {
  static const Result<const ImageModule*> module = load();
  return module;
}

}  // namespace compass::tools
