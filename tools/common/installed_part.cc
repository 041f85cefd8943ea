#include "installed_part.h"

namespace compass::tools {

namespace fs = std::filesystem;

fs::path installed_part(const std::string& name) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return (program.parent_path() / COMPASS_INSTALLED_MODULES / name).lexically_normal();
}

}  // namespace compass::tools
