// For tests only: a minimal reader of the golden safetensors files (this folder may not see src/model_file).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace compass {

class GoldenFile {
 public:
  // Nothing if the shared material is absent.
  static std::optional<GoldenFile> open(const std::string& name) {
    const char* root = std::getenv("COMPASS_SHARED");
    const std::string folder = root != nullptr ? root : std::string(COMPASS_SOURCE_DIR) + "/../shared";
    std::ifstream in(folder + "/golden/" + name, std::ios::binary);
    if (!in) return {};
    GoldenFile file;
    file.bytes_.assign(std::istreambuf_iterator<char>(in), {});
    uint64_t header = 0;
    std::memcpy(&header, file.bytes_.data(), 8);
    file.first_ = 8 + header;
    file.header_ = nlohmann::json::parse(file.bytes_.begin() + 8, file.bytes_.begin() + file.first_);
    return file;
  }

  // The tensor's values, T being its dtype. Throws if there is no such tensor, which fails the test.
  template <typename T>
  std::vector<T> get(const std::string& name) const {
    const auto& range = header_.at(name).at("data_offsets");
    const size_t begin = range.at(0);
    const size_t end = range.at(1);
    std::vector<T> values((end - begin) / sizeof(T));
    std::memcpy(values.data(), bytes_.data() + first_ + begin, end - begin);
    return values;
  }
  std::vector<int> shape(const std::string& name) const { return header_.at(name).at("shape"); }

 private:
  std::vector<char> bytes_;
  size_t first_ = 0;
  nlohmann::json header_;
};

#define COMPASS_OPEN_GOLDEN(file, name)                                                       \
  const auto file##_opened = GoldenFile::open(name);                                          \
  if (!file##_opened) GTEST_SKIP() << "no golden " << (name) << " here (set COMPASS_SHARED)"; \
  const GoldenFile& file = *file##_opened

}  // namespace compass
