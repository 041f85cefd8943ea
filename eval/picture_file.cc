#include "eval/picture_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cctype>
#include <cstring>

#include "eval/process.h"
#include "image/resize.h"

namespace compass::eval {

Result<Picture> read_ppm(const std::string& path) {
  const Result<std::vector<uint8_t>> bytes = read_file(path);
  if (!bytes) return bytes.error();
  const auto bad = [&](const char* what) {
    return Error{ErrorCode::kBadFile, fmt::format("{}: not an 8-bit PPM: {}", path, what)};
  };
  size_t at = 2;
  if (bytes->size() < 2 || (*bytes)[0] != 'P' || (*bytes)[1] != '6') return bad("no P6 at its start");
  // Three numbers, separated by white space and comments.
  int64_t numbers[3] = {0, 0, 0};
  for (int64_t& number : numbers) {
    while (at < bytes->size() && (std::isspace((*bytes)[at]) != 0 || (*bytes)[at] == '#')) {
      if ((*bytes)[at] == '#') {
        while (at < bytes->size() && (*bytes)[at] != '\n') ++at;
      } else {
        ++at;
      }
    }
    const size_t begin = at;
    while (at < bytes->size() && std::isdigit((*bytes)[at]) != 0 && at - begin < 9) {
      number = number * 10 + ((*bytes)[at++] - '0');
    }
    if (at == begin) return bad("its header is cut short");
  }
  ++at;  // the single white space before the samples
  if (numbers[0] < 1 || numbers[1] < 1 || numbers[2] != 255) return bad("size or depth");
  const uint64_t samples = static_cast<uint64_t>(numbers[0]) * static_cast<uint64_t>(numbers[1]) * 3;
  if (at > bytes->size() || bytes->size() - at < samples) return bad("samples are missing");
  Picture picture({static_cast<int>(numbers[0]), static_cast<int>(numbers[1])});
  std::memcpy(picture.rgb.data(), bytes->data() + at, picture.rgb.size());
  return picture;
}

Status write_ppm(const Picture& picture, const std::string& path) {
  const std::string header = fmt::format("P6\n{} {}\n255\n", picture.size.width, picture.size.height);
  std::vector<uint8_t> bytes(header.begin(), header.end());
  bytes.insert(bytes.end(), picture.rgb.begin(), picture.rgb.end());
  return write_file(path, bytes.data(), bytes.size());
}

Picture resampled(const Picture& picture, Size size) {
  Picture out(size);
  to_rgb8(resize(from_rgb8(picture.rgb, picture.size), size), out.rgb);
  return out;
}

std::vector<Picture> pyramid_of(const Picture& picture, const std::vector<Size>& sizes) {
  std::vector<Picture> layers;
  for (const Size size : sizes) layers.push_back(size == picture.size ? picture : resampled(picture, size));
  return layers;
}

std::string content_hash(const void* data, size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(data, size);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string content_hash(const Picture& picture) {
  return fmt::format("{}x{}:{}", picture.size.width, picture.size.height,
                     content_hash(picture.rgb.data(), picture.rgb.size()));
}

}  // namespace compass::eval
