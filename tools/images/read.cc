// Reading pictures: any picture libvips loads becomes upright 8-bit sRGB, row by row.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "colour.h"
#include "functions.h"
#include "metadata.h"
#include "silence.h"
#include "tiff_file.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

using VipsImageHandle = Handle<VipsImage>;

// Loaders libvips marks as unhardened are off (they include ImageMagick, PDF and SVG, which can read other
// files), except these picture formats.
constexpr const char* kExtraLoaders[] = {"VipsForeignLoadPpm", "VipsForeignLoadRad", "VipsForeignLoadJp2k",
                                         "VipsForeignLoadJxl"};

constexpr int kStripRows = 32;

std::string shown(const std::string& path) {
  return path == "-" ? "standard input" : path;
}

Error not_a_picture(const std::string& path, const std::string& reason) {
  return {ErrorCode::kBadFile,
          fmt::format("{}: cannot be read as a picture: {}; give a PNG, JPEG, WebP, TIFF or PNM file",
                      shown(path), reason)};
}

Result<Handle<VipsSource>> open_source(const std::string& path) {
  if (path == "-") return Handle<VipsSource>(vips_source_new_from_descriptor(STDIN_FILENO));
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || access(path.c_str(), R_OK) != 0) {
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}; check the name and its permissions", path,
                                             std::strerror(errno))};
  }
  if (S_ISDIR(info.st_mode)) {
    return Error{ErrorCode::kIo, fmt::format("{}: is a directory; name a picture file", path)};
  }
  Handle<VipsSource> source(vips_source_new_from_file(path.c_str()));
  if (source == nullptr)
    return Error{ErrorCode::kIo, fmt::format("{}: cannot read: {}", path, vips_reason())};
  return source;
}

// Pages and frames beside the first.
std::vector<std::string> pages_note(VipsImage* image) {
  const int pages = vips_image_get_n_pages(image);
  if (pages <= 1) return {};
  return {fmt::format("only the first of {} pages or frames is read", pages)};
}

// The picture in that source, its header read. Null, with libvips' error text set, if it is none.
VipsImageHandle open_picture(VipsSource* source, const ColourFacts& facts) {
  constexpr int kYcbcr = 6;
  constexpr int kJpeg = 7;
  if (facts.tiff && facts.tiff->photometric == kYcbcr && facts.tiff->compression != kJpeg) {
    return read_ycbcr_tiff(source);
  }
  return VipsImageHandle(vips_image_new_from_source(source, "", "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                                                    VIPS_FAIL_ON_ERROR, nullptr));
}

Status check_size(Size size, const std::string& path, const ReadSettings& settings) {
  if (static_cast<uint64_t>(size.pixels()) <= settings.max_pixels) return {};
  return Error{ErrorCode::kBadFile,
               fmt::format("{}: {}x{} is more than {} pixels; raise --max-pixels to read it", shown(path),
                           size.width, size.height, settings.max_pixels)};
}

// Where samples go: index of (x, y) of the stored picture within a plane of the upright one.
class Upright {
 public:
  // `orientation`: Exif 2.3, tag 274: 1..8.
  Upright(Size stored, int orientation) : stored_(stored), orientation_(orientation) {}

  Size size() const { return orientation_ >= 5 ? Size{stored_.height, stored_.width} : stored_; }

  int64_t index(int x, int y) const {
    const int right = stored_.width - 1 - x;
    const int below = stored_.height - 1 - y;
    switch (orientation_) {
      case 2:
        return at(right, y);  // mirrored left to right
      case 3:
        return at(right, below);  // half a turn
      case 4:
        return at(x, below);  // upside down, mirrored
      case 5:
        return at(y, x);  // transposed
      case 6:
        return at(below, x);  // stored a quarter turn anticlockwise
      case 7:
        return at(below, right);  // transposed about the other diagonal
      case 8:
        return at(y, right);  // stored a quarter turn clockwise
      default:
        return at(x, y);
    }
  }

 private:
  int64_t at(int x, int y) const { return static_cast<int64_t>(y) * size().width + x; }

  Size stored_;
  int orientation_;
};

// One stored row of 1 to 4 bytes per pixel (grey, grey + alpha, RGB, RGBA) into the upright picture.
void place_row(const uint8_t* row, int bands, Size stored, int y, const Upright& upright, Rgb8Image& image) {
  const bool alpha = bands == 2 || bands == 4;
  const int64_t start = upright.index(0, y);
  const int64_t step = stored.width > 1 ? upright.index(1, y) - start : 0;
  for (int c = 0; c < 3; ++c) {
    const uint8_t* in = row + (bands >= 3 ? c : 0);
    uint8_t* out = image.bytes.data() + 3 * start + c;
    for (int x = 0; x < stored.width; ++x, in += bands, out += 3 * step) {
      *out = *in;
      if (!alpha) continue;
      const int opacity = row[x * bands + bands - 1];
      *out = static_cast<uint8_t>((*in * opacity + 255 * (255 - opacity) + 127) / 255);  // to the nearest
    }
  }
}

}  // namespace

Status start() {
  silence_glib();
  if (vips_init("compass") != 0) {
    return Error{ErrorCode::kFailure, fmt::format("libvips does not start: {}", vips_reason())};
  }
  vips_cache_set_max(0);  // every operation is used once
  vips_block_untrusted_set(TRUE);
  for (const char* loader : kExtraLoaders) vips_operation_block_set(loader, FALSE);
  return {};
}

Result<Photo> read_image(const std::string& path, const ReadSettings& settings) {
  Result<Handle<VipsSource>> source = open_source(path);
  if (!source) return source.error();
  const ColourFacts facts = read_colour_facts(source->get());
  if (facts.tiff) {
    if (Status allowed = check_size(facts.tiff->size, path, settings); !allowed) return allowed.error();
  }
  const VipsImageHandle stored = open_picture(source->get(), facts);
  if (stored == nullptr) return not_a_picture(path, vips_reason());
  const Size size{vips_image_get_width(stored.get()), vips_image_get_height(stored.get())};
  if (Status allowed = check_size(size, path, settings); !allowed) return allowed.error();
  Result<ColourConverter> colours = ColourConverter::of(stored.get(), facts);
  if (!colours)
    return Error{colours.error().code, fmt::format("{}: {}", shown(path), colours.error().message)};
  Photo photo;
  photo.notes = colours->notes();
  for (std::string& note : pages_note(stored.get())) photo.notes.push_back(std::move(note));
  if (settings.strict && !photo.notes.empty()) {
    return Error{ErrorCode::kBadFile, fmt::format("{}: refused by --strict: {}; convert it first",
                                                  shown(path), photo.notes.front())};
  }
  photo.metadata = metadata_of(stored.get(), facts, colours->applied_profile(), photo.notes);

  const Upright upright(size, vips_image_get_orientation(stored.get()));
  photo.image = Rgb8Image(upright.size());
  const Handle<VipsRegion> region(vips_region_new(colours->pixels()));
  std::vector<uint8_t> row(static_cast<size_t>(size.width) * colours->bands());
  for (int top = 0; top < size.height; top += kStripRows) {
    const VipsRect strip{0, top, size.width, std::min(kStripRows, size.height - top)};
    if (vips_region_prepare(region.get(), &strip) != 0) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("{}: damaged near row {}: {}; get a whole copy of the picture", shown(path),
                               top, vips_reason())};
    }
    for (int y = top; y < top + strip.height; ++y) {
      colours->convert_row(VIPS_REGION_ADDR(region.get(), 0, y), size.width, row.data());
      place_row(row.data(), colours->bands(), size, y, upright, photo.image);
    }
  }
  for (std::string& note : colours->notes_of_rows()) photo.notes.push_back(std::move(note));
  return photo;
}

}  // namespace compass::tools::images
