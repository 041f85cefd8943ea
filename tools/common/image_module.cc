#include "image_module.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

#include "installed_part.h"

namespace compass::tools {
namespace {

Result<const ImageModule*> load() {
  const std::string path = installed_part(COMPASS_IMAGE_MODULE).string();
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays until the program ends
  void* const entry = library == nullptr ? nullptr : dlsym(library, kImageModuleEntry);
  if (entry == nullptr) {
    return Error{
        ErrorCode::kFailure,
        fmt::format("cannot load the part that writes pictures: {}; install compass again", dlerror())};
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
