#include "picture_files.h"

#include <algorithm>

#include "common/image_file.h"
#include "common/output_file.h"
#include "eval/picture_file.h"

namespace compass::tools {
namespace {

Result<eval::Picture> read(const std::string& path) {
  const Result<Photo> photo = read_image(path);
  if (!photo) return photo.error();
  eval::Picture picture(photo->image.size);
  std::copy(photo->image.samples.begin(), photo->image.samples.end(), picture.rgb.begin());
  return picture;
}

Status write(const eval::Picture& picture, const std::string& path) {
  if (path.ends_with(".ppm")) return eval::write_ppm(picture, path);
  const Result<std::string> format = choose_format(path, "");
  if (!format) return format.error();
  if (const Status ready = prepare_format(path, *format).get(); !ready) return ready;
  Result<OutputFile> file = OutputFile::create(path);
  if (!file) return file.error();
  const size_t stride = static_cast<size_t>(picture.size.width) * 3;
  const auto written = write_image(Rgb8View{picture.rgb.data(), picture.size, stride}, *format, *file);
  return written ? Status() : written.error();
}

}  // namespace

eval::PictureFiles picture_files() {
  return {.read = read, .write = write};
}

}  // namespace compass::tools
