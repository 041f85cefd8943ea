#include "installed_part.h"

namespace compass::tools {

namespace fs = std::filesystem;

fs::path installed_part(const std::string& name) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path installed = program.parent_path() / COMPASS_INSTALLED_MODULES / name;
  const fs::path inside = program.lexically_relative(COMPASS_BUILD_DIRECTORY);
  const bool built = !inside.empty() && *inside.begin() != "..";
  if (!built || fs::exists(installed, error)) return installed.lexically_normal();
  return fs::path(COMPASS_BUILD_DIRECTORY) / "tools" / name;
}

}  // namespace compass::tools
