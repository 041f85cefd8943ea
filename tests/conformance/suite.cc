#include "suite.h"

#include <fmt/format.h>
#include <md5.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <sstream>

#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"

namespace compass::conformance {
namespace {

constexpr float kPixelSteps = 8192.0F;  // pixels are kept as int16 in these units: -4 to 4

std::string symbols_path(const std::string& directory) {
  return directory + "/symbols.tsv";
}
std::string pixels_path(const std::string& directory) {
  return directory + "/pixels.safetensors";
}
std::string exact_path(const std::string& directory) {
  return directory + "/pixels.tsv";
}
std::string tensor_name(const std::string& name, size_t layer) {
  return fmt::format("{}.{}", name, layer);
}

// Every machine is x86 or little-endian ARM so far; hashes are over little-endian bytes.
uint64_t hash(const void* data, size_t bytes) {
  return XXH64(data, bytes, 0);
}

// All lines of a table but comments, as fields.
Status for_lines(const std::string& path, const std::function<bool(std::istringstream& fields)>& take) {
  std::ifstream lines(path);
  if (!lines) return Error{ErrorCode::kIo, path + ": cannot be read"};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream fields(line);
    if (!take(fields)) return Error{ErrorCode::kBadFile, path + ": malformed line: " + line};
  }
  return {};
}

Status write_text(const std::string& path, const std::string& text) {
  return write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Status read_symbols(const std::string& directory, std::map<std::string, Expected>& all) {
  return for_lines(symbols_path(directory), [&](std::istringstream& fields) {
    std::string name;
    size_t layer = 0;
    SymbolHashes symbols;
    fields >> name >> layer >> symbols.size.width >> symbols.size.height >> symbols.count >> std::hex >>
        symbols.z >> symbols.indexes >> symbols.y;
    if (!fields || layer != all[name].symbols.size()) return false;
    all[name].symbols.push_back(symbols);
    return true;
  });
}

// A file without a line for each layer is noticed when it is checked.
Status read_exact(const std::string& directory, std::map<std::string, Expected>& all) {
  return for_lines(exact_path(directory), [&](std::istringstream& fields) {
    std::string name;
    size_t layer = 0;
    PixelHashes hashes;
    fields >> name >> layer >> hashes.md5 >> std::hex >> hashes.samples;
    if (!fields || !all.contains(name) || layer != all[name].exact.size()) return false;
    all[name].exact.push_back(hashes);
    return true;
  });
}

}  // namespace

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"one-pixel", {{1, 1}}},
      {"one-pixel-thrice", {{1, 1}, {1, 1}, {1, 1}}},
      {"odd", {{9, 5}, {19, 11}, {37, 23}}},
      {"fractional", {{31, 22}, {44, 31}, {75, 53}}, 70.0},
      {"six-times", {{16, 10}, {97, 61}}, 30.0},
      {"one-axis-at-a-time", {{33, 17}, {33, 40}, {67, 41}}},
      {"same-size", {{40, 24}, {40, 24}}, 85.5},
      {"beyond-a-tile", {{260, 5}, {1040, 9}}, 20.0},
      {"tiled", {{2049, 1}, {4097, 2}}},
      {"extreme", {{13, 16}, {26, 31}, {52, 47}}, 100.0, true},
      {"many-layers", {{2, 3}, {3, 5}, {5, 8}, {8, 13}, {13, 21}, {21, 34}, {34, 55}}},
  };
  return all;
}

Image picture_of(const Case& c) {
  Image image(c.sizes.back());
  uint32_t state = 12345;
  for (int channel = 0; channel < 3; ++channel) {
    for (int y = 0; y < image.height(); ++y) {
      for (int x = 0; x < image.width(); ++x) {
        state = state * 1664525 + 1013904223;
        const int noise = static_cast<int>(state >> 24);
        if (c.extreme) {
          image.row(channel, y)[x] = static_cast<float>(noise - 128) / 96.0F;
          continue;
        }
        // A slope, stripes, blocks, and a little noise, in 8 bits.
        const int slope = (5 * x + 3 * y * (channel + 1)) % 256;
        const int blocks = (x / 11 + y / 7) % 2 == 0 ? 40 : 0;
        const int value = std::min(255, (slope < 128 ? slope : 255 - slope) + blocks + noise / 32);
        image.row(channel, y)[x] = static_cast<float>(value) / 255.0F;
      }
    }
  }
  return image;
}

SymbolHashes hashes_of(Size size, std::span<const int32_t> z, std::span<const uint8_t> indexes,
                       std::span<const int32_t> y) {
  return {size, z.size() + y.size(), hash(z.data(), z.size_bytes()), hash(indexes.data(), indexes.size()),
          hash(y.data(), y.size_bytes())};
}

PixelHashes hashes_of(const Image& image) {
  PixelHashes hashes;
  std::vector<float> samples;
  for (int c = 0; c < 3; ++c) samples.insert(samples.end(), image.plane(c).begin(), image.plane(c).end());
  hashes.samples = hash(samples.data(), samples.size() * sizeof(float));
  std::vector<uint8_t> bytes(samples.size());
  to_rgb8(image, bytes);
  std::array<char, MD5_DIGEST_STRING_LENGTH> hex{};
  hashes.md5 = MD5Data(bytes.data(), bytes.size(), hex.data());
  return hashes;
}

Result<std::map<std::string, Expected>> read_expected(const std::string& directory) {
  std::map<std::string, Expected> all;
  if (const auto read = read_symbols(directory, all); !read) return read.error();
  if (const auto read = read_exact(directory, all); !read) return read.error();
  const auto file = Safetensors::load(pixels_path(directory));
  if (!file) return file.error();
  for (auto& [name, expected] : all) {
    for (size_t layer = 0; layer < expected.symbols.size(); ++layer) {
      const TensorView* tensor = file->find(tensor_name(name, layer));
      Image image(expected.symbols[layer].size);
      const auto values = tensor == nullptr ? Result<std::vector<int32_t>>(Error{}) : tensor->integers();
      if (!values || values->size() != 3 * image.plane(0).size()) {
        return Error{ErrorCode::kBadFile,
                     fmt::format("{}: no pixels of {}, layer {}", pixels_path(directory), name, layer)};
      }
      auto value = values->begin();
      for (int c = 0; c < 3; ++c) {
        for (float& sample : image.plane(c)) sample = static_cast<float>(*value++) / kPixelSteps;
      }
      expected.pixels.push_back(std::move(image));
    }
  }
  return all;
}

Status write_expected(const std::string& directory, const std::map<std::string, Expected>& all) {
  std::string text = "# file layer width height symbols z indexes y (XXH64 of little-endian values)\n";
  SafetensorsWriter pixels;
  for (const auto& [name, expected] : all) {
    for (size_t layer = 0; layer < expected.symbols.size(); ++layer) {
      const SymbolHashes& s = expected.symbols[layer];
      text += fmt::format("{}\t{}\t{}\t{}\t{}\t{:016x}\t{:016x}\t{:016x}\n", name, layer, s.size.width,
                          s.size.height, s.count, s.z, s.indexes, s.y);
      const Image& image = expected.pixels[layer];
      std::vector<int32_t> values;
      for (int c = 0; c < 3; ++c) {
        for (const float sample : image.plane(c)) {
          values.push_back(
              static_cast<int32_t>(std::lround(std::clamp(sample, -3.99F, 3.99F) * kPixelSteps)));
        }
      }
      pixels.add_integers(tensor_name(name, layer), {3, image.height(), image.width()}, values, DType::kI16);
    }
  }
  if (const auto status = write_text(symbols_path(directory), text); !status) return status;
  if (const auto status = write_exact(directory, all); !status) return status;
  return write_file(pixels_path(directory), pixels.finish());
}

Status write_exact(const std::string& directory, const std::map<std::string, Expected>& all) {
  std::string text = "# file layer md5 (of 8-bit samples) floats (XXH64 of little-endian samples)\n";
  for (const auto& [name, expected] : all) {
    for (size_t layer = 0; layer < expected.exact.size(); ++layer) {
      const PixelHashes& hashes = expected.exact[layer];
      text += fmt::format("{}\t{}\t{}\t{:016x}\n", name, layer, hashes.md5, hashes.samples);
    }
  }
  return write_text(exact_path(directory), text);
}

Result<std::vector<uint8_t>> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorCode::kIo, path + ": cannot be read"};
  return std::vector<uint8_t>((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

Status write_file(const std::string& path, std::span<const uint8_t> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return Error{ErrorCode::kIo, path + ": cannot be written"};
  return {};
}

}  // namespace compass::conformance
