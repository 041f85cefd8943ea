#include "picture_source.h"

#include <fmt/format.h>

namespace compass::tools::images {
namespace {

// Rows that libvips keeps, so that several operations may ask for the same ones.
constexpr int kKeptRows = 64;

// Called with whole rows, in order: vips_sequential sees to that.
int generate(VipsRegion* out, void* /*sequence*/, void* rows, void* /*unused*/, gboolean* /*stop*/) {
  for (int y = out->valid.top; y < VIPS_RECT_BOTTOM(&out->valid); ++y) {
    auto& reader = *static_cast<RowReader*>(rows);
    if (const Status read = reader.read_row(VIPS_REGION_ADDR(out, 0, y)); !read) {
      reader.fail(y, read.error());
      vips_error("compass", "a row cannot be read");
      return -1;
    }
  }
  return 0;
}

}  // namespace

Error not_a_picture(const std::string& reason) {
  return {ErrorCode::kBadFile,
          fmt::format("cannot be read as a picture: {}; give a PNG, JPEG, WebP, TIFF or PNM file", reason)};
}

Status check_size(int64_t width, int64_t height, uint64_t max_pixels) {
  if (width < 1 || height < 1) {
    return not_a_picture(fmt::format("its size is {}x{}", width, height));
  }
  if (static_cast<uint64_t>(height) > max_pixels / static_cast<uint64_t>(width)) {
    return Error{ErrorCode::kBadFile,
                 fmt::format("{}x{} is more than {} pixels; raise --max-pixels to read it", width, height,
                             max_pixels)};
  }
  if (width > VIPS_MAX_COORD || height > VIPS_MAX_COORD) {
    return not_a_picture(
        fmt::format("{}x{} has a side of more than {} pixels", width, height, VIPS_MAX_COORD));
  }
  return {};
}

VipsImageHandle image_of_rows(const RowLayout& layout, VipsImage* header, RowReader& rows) {
  const VipsImageHandle image(vips_image_new());
  if (header != nullptr &&
      vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_THINSTRIP, header, nullptr) != 0) {
    return nullptr;
  }
  vips_image_init_fields(image.get(), layout.size.width, layout.size.height, layout.bands,
                         layout.deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, VIPS_CODING_NONE, layout.space,
                         header != nullptr ? vips_image_get_xres(header) : 1.0,
                         header != nullptr ? vips_image_get_yres(header) : 1.0);
  if (header == nullptr && vips_image_pipelinev(image.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) != 0) {
    return nullptr;
  }
  VipsImage* sequential = nullptr;
  if (vips_image_generate(image.get(), nullptr, generate, nullptr, &rows, nullptr) != 0 ||
      vips_sequential(image.get(), &sequential, "tile_height", kKeptRows, nullptr) != 0) {
    return nullptr;
  }
  return VipsImageHandle(sequential);
}

}  // namespace compass::tools::images
