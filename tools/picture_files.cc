#include "picture_files.h"

#include "eval/picture_file.h"
#include "image_file.h"
#include "output_file.h"

namespace compass::tools {
namespace {

Result<eval::Picture> read(const std::string& path) {
  const Result<Photo> photo = read_image(path);
  if (!photo) return photo.error();
  eval::Picture picture(photo->image.size());
  to_rgb8(photo->image, picture.rgb);
  return picture;
}

Status write(const eval::Picture& picture, const std::string& path) {
  if (path.ends_with(".ppm")) return eval::write_ppm(picture, path);
  const Result<std::string> format = choose_format(path, "");
  if (!format) return format.error();
  Result<OutputFile> file = OutputFile::create(path);
  if (!file) return file.error();
  return write_image(from_rgb8(picture.rgb, picture.size), *format, *file);
}

}  // namespace

eval::PictureFiles picture_files() {
  return {.read = read, .write = write};
}

}  // namespace compass::tools
