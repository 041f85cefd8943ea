#include "eval/picture_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <cstring>

#include "eval/process.h"
#include "image/ppm.h"
#include "image/resize.h"

namespace compass::eval {

Result<Picture> read_ppm(const std::string& path) {
  const Result<std::vector<uint8_t>> bytes = read_file(path);
  if (!bytes) return bytes.error();
  const Result<Rgb8View> view = parse_ppm(*bytes);
  if (!view) return Error{view.error().code, fmt::format("{}: {}", path, view.error().message)};
  Picture picture(view->size);
  std::memcpy(picture.rgb.data(), view->data, picture.rgb.size());
  return picture;
}

Status write_ppm(const Picture& picture, const std::string& path) {
  const std::string header = ppm_header(picture.size);
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
