// A set of `.cmps` files with what must come out of them: the hash of every layer's integers, which no
// decoder may miss, every layer's pixels, which decoders may miss by a rounding error, and hashes of its
// exact pixels, which none may miss that computes exactly.
//
// A directory holds NAME.cmps, symbols.tsv, pixels.safetensors and pixels.tsv. The committed ones are files/
// and trellis_files/; the others are made by encoding the same pictures under some other setting.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "image/image.h"

namespace compass::conformance {

// A picture to encode. `extreme` ones are noise that leaves [0,1], full of escapes and exceptions.
struct Case {
  std::string name;
  std::vector<Size> sizes;
  double quality = 50.0;
  bool extreme = false;
};
const std::vector<Case>& cases();

// The case's picture: integer arithmetic, so the same on every machine.
Image picture_of(const Case& c);

// One layer's integers, little-endian, each run hashed by XXH64 with seed 0.
struct SymbolHashes {
  Size size;
  uint64_t count = 0;  // of symbols, z's and y's
  uint64_t z = 0;
  uint64_t indexes = 0;  // one byte each
  uint64_t y = 0;
  bool operator==(const SymbolHashes&) const = default;
};
SymbolHashes hashes_of(Size size, std::span<const int32_t> z, std::span<const uint8_t> indexes,
                       std::span<const int32_t> y);

// One layer's exact pixels.
struct PixelHashes {
  std::string md5;       // of its 8-bit samples, red, green, blue: what `compass decode --exact --md5` prints
  uint64_t samples = 0;  // XXH64 of its floats, all rows of red, then green, then blue
  bool operator==(const PixelHashes&) const = default;
};
PixelHashes hashes_of(const Image& image);

// What must come out of one file, a layer each, the smallest first.
struct Expected {
  std::vector<SymbolHashes> symbols;
  std::vector<Image> pixels;  // unclamped, kept to 1/8192
  std::vector<PixelHashes> exact;
};

// By case name. Errors: kIo, kBadFile.
Result<std::map<std::string, Expected>> read_expected(const std::string& directory);
Status write_expected(const std::string& directory, const std::map<std::string, Expected>& expected);
// The table of exact pixels alone.
Status write_exact(const std::string& directory, const std::map<std::string, Expected>& expected);

Result<std::vector<uint8_t>> read_file(const std::string& path);
Status write_file(const std::string& path, std::span<const uint8_t> bytes);

}  // namespace compass::conformance
