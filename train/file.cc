#include "file.h"

#include <torch/torch.h>

#include <filesystem>
#include <fstream>

namespace compass::train {

void write_file(const std::string& path, std::span<const uint8_t> bytes) {
  const std::string beside = path + ".tmp";
  std::ofstream file(beside, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code failed;
  if (file) std::filesystem::rename(beside, path, failed);
  if (!file || failed) {
    std::filesystem::remove(beside, failed);
    TORCH_CHECK(false, "cannot write ", path);
  }
}

void write_file(const std::string& path, const std::string& text) {
  write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace compass::train
