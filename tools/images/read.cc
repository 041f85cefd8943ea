#include "read.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "box_metadata.h"
#include "colour.h"
#include "metadata.h"
#include "picture_source.h"
#include "tiff_file.h"

namespace compass::tools::images {
namespace {

constexpr int kStripRows = 32;
constexpr int64_t kStripPixels = int64_t{4} << 20;  // of very wide pictures

// Pages and frames beside the first.
std::vector<std::string> pages_note(VipsImage* image) {
  const int pages = vips_image_get_n_pages(image);
  if (pages <= 1) return {};
  return {fmt::format("only the first of {} pages or frames is read", pages)};
}

ColourFacts facts_of(std::span<const uint8_t> bytes) {
  const Handle<VipsSource> source(vips_source_new_from_memory(bytes.data(), bytes.size()));
  return source == nullptr ? ColourFacts() : read_colour_facts(source.get());
}

// Luma and chroma that are not compressed as JPEG, which libvips takes for RGB, or refuses.
bool is_ycbcr_tiff(const ColourFacts& facts) {
  constexpr int kYcbcr = 6;
  constexpr int kJpeg = 7;
  return facts.tiff && facts.tiff->photometric == kYcbcr && facts.tiff->compression != kJpeg;
}

Result<PictureSource> open_ycbcr_tiff(std::span<const uint8_t> bytes, const TiffFacts& facts,
                                      uint64_t max_pixels) {
  if (Status good = check_size(facts.size.width, facts.size.height, max_pixels); !good) return good.error();
  const Handle<VipsSource> file(vips_source_new_from_memory(bytes.data(), bytes.size()));
  PictureSource source;
  if (file != nullptr) source.image = read_ycbcr_tiff(file.get());
  return source;
}

// One row of 1 to 4 samples per pixel (grey, grey + alpha, RGB, RGBA) as RGB and alpha; without `keep` as
// RGB, laid over white.
template <typename Sample>
void to_wire(const Sample* row, int bands, bool keep, int width, uint8_t* out) {
  constexpr uint64_t kTop = sizeof(Sample) == 1 ? 255 : 65535;
  const bool alpha = bands == 2 || bands == 4;
  const auto put = [&out](uint64_t value) {
    for (size_t i = 0; i < sizeof(Sample); ++i) *out++ = static_cast<uint8_t>(value >> (8 * i));
  };
  if constexpr (sizeof(Sample) == 1) {
    if (bands == 3 && !keep) {  // most of all
      std::copy_n(row, static_cast<size_t>(width) * 3, out);
      return;
    }
  }
  for (int x = 0; x < width; ++x, row += bands) {
    const uint64_t opacity = alpha ? row[bands - 1] : kTop;
    for (int c = 0; c < 3; ++c) {
      const uint64_t value = row[bands >= 3 ? c : 0];
      // To the nearest.
      put(keep || !alpha ? value : (value * opacity + kTop * (kTop - opacity) + kTop / 2) / kTop);
    }
    if (keep) put(opacity);
  }
}

void add_blob(VipsImage* image, const char* name, std::span<const uint8_t> bytes) {
  if (bytes.empty() || vips_image_get_typeof(image, name) != 0) return;  // libvips found it itself
  vips_image_set_blob_copy(image, name, bytes.data(), bytes.size());
}

// Adds what the file holds in boxes. Of these formats viewers turn what the codestream says, not what Exif
// does.
void add_box_metadata(std::span<const uint8_t> bytes, PictureSource& source) {
  const BoxMetadata metadata = box_metadata(bytes);
  VipsImage* const image = source.image.get();
  const bool exif = vips_image_get_typeof(image, VIPS_META_EXIF_NAME) != 0;
  const bool found = exif || vips_image_get_typeof(image, VIPS_META_XMP_NAME) != 0;
  if (metadata.compressed && !found) {
    source.notes.emplace_back("its Exif or XMP is in compressed boxes, which are not read: it is dropped");
  }
  add_blob(image, VIPS_META_EXIF_NAME, metadata.exif);
  if (!metadata.exif.empty() && !exif)
    vips_image_set_int(image, VIPS_META_ORIENTATION, 1);  // libvips took it up
  add_blob(image, VIPS_META_XMP_NAME, metadata.xmp);
  add_blob(image, VIPS_META_IPTC_NAME, metadata.iptc);
}

Result<PictureSource> open_picture(std::span<const uint8_t> bytes, const ColourFacts& facts,
                                   uint64_t max_pixels) {
  const Result<Format> format = format_of(bytes);
  if (!format) return format.error();
  Result<PictureSource> source = [&] {
    if (is_ycbcr_tiff(facts)) return open_ycbcr_tiff(bytes, *facts.tiff, max_pixels);
    switch (*format) {
      case Format::kJpeg:
        return open_jpeg(bytes, max_pixels);
      case Format::kJp2:
        return open_jp2(bytes, max_pixels);
      case Format::kPnm:
        return open_pnm(bytes, max_pixels);
      default:
        return open_by_vips(bytes, *format, max_pixels);
    }
  }();
  if (source && source->image == nullptr) return not_a_picture(vips_reason());
  if (source && (*format == Format::kJp2 || *format == Format::kJxl)) add_box_metadata(bytes, *source);
  return source;
}

Error refused(const std::string& note) {
  return {ErrorCode::kBadFile, fmt::format("refused by --strict: {}; convert it first", note)};
}

Error damaged(int row, const std::string& reason) {
  return {ErrorCode::kBadFile,
          fmt::format("damaged near row {}: {}; get a whole copy of the picture", row, reason)};
}

// Converts rows, and makes of them what the wire wants.
class RowConverter {
 public:
  RowConverter(ColourConverter& colours, const PictureKinds& kinds, int width)
      : colours_(colours), kinds_(kinds), width_(width) {
    const size_t samples = static_cast<size_t>(width) * colours.bands();
    kinds.deep ? deep_.resize(samples) : bytes_.resize(samples);
  }

  size_t row_bytes() const {
    return static_cast<size_t>(width_) * (kinds_.alpha ? 4 : 3) * (kinds_.deep ? 2 : 1);
  }
  void convert(const uint8_t* row, uint8_t* out) {
    if (kinds_.deep) {
      colours_.convert_row(row, width_, deep_.data());
      to_wire(deep_.data(), colours_.bands(), kinds_.alpha, width_, out);
      if (kinds_.alpha) look_at_alpha();
    } else {
      colours_.convert_row(row, width_, bytes_.data());
      to_wire(bytes_.data(), colours_.bands(), kinds_.alpha, width_, out);
    }
  }
  // Whether alpha so far has samples that are none of 8 bits.
  bool has_deep_alpha() const { return deep_alpha_; }

 private:
  void look_at_alpha() {
    const size_t bands = static_cast<size_t>(colours_.bands());
    for (size_t i = bands - 1; i < deep_.size() && !deep_alpha_; i += bands)
      deep_alpha_ = deep_[i] % 257 != 0;
  }

  ColourConverter& colours_;
  PictureKinds kinds_;
  int width_;
  std::vector<uint8_t> bytes_;
  std::vector<uint16_t> deep_;
  bool deep_alpha_ = false;
};

// Sends all rows, converted. Returns what was lost of them, a line each.
Result<std::vector<std::string>> send_rows(ColourConverter& colours, const RowReader* rows,
                                           const PictureKinds& kinds, PhotoSender& sender) {
  VipsImage* const pixels = colours.pixels();
  const int width = vips_image_get_width(pixels);
  const int height = vips_image_get_height(pixels);
  const int strip_rows = static_cast<int>(std::clamp<int64_t>(kStripPixels / width, 1, kStripRows));
  RowConverter converter(colours, kinds, width);
  const size_t row_bytes = converter.row_bytes();
  std::vector<uint8_t> strip_bytes(row_bytes * strip_rows);
  const Handle<VipsRegion> region(vips_region_new(pixels));
  for (int top = 0; top < height; top += strip_rows) {
    const VipsRect strip{0, top, width, std::min(strip_rows, height - top)};
    if (vips_region_prepare(region.get(), &strip) != 0) {
      if (rows == nullptr || !rows->failure()) return damaged(top, vips_reason());
      if (rows->failure()->error.code != ErrorCode::kBadFile) return rows->failure()->error;
      return damaged(rows->failure()->row, rows->failure()->error.message);
    }
    for (int y = 0; y < strip.height; ++y) {
      converter.convert(VIPS_REGION_ADDR(region.get(), 0, top + y), strip_bytes.data() + y * row_bytes);
    }
    if (!sender.rows(std::span(strip_bytes).first(row_bytes * strip.height))) {
      return Error{ErrorCode::kIo, "the command has stopped reading the picture"};
    }
  }
  std::vector<std::string> notes = colours.notes_of_rows();
  if (converter.has_deep_alpha()) notes.emplace_back("the alpha channel is rounded to 8 bits");
  return notes;
}

}  // namespace

Status read_picture(std::span<const uint8_t> bytes, const ReadSettings& settings, PhotoSender& sender) {
  const ColourFacts facts = facts_of(bytes);
  const Result<PictureSource> source = open_picture(bytes, facts, settings.max_pixels);
  if (!source) return source.error();
  VipsImage* const stored = source->image.get();
  Result<ColourConverter> colours = ColourConverter::of(stored, facts, settings);
  if (!colours) return colours.error();
  std::vector<std::string> notes = colours->notes();
  const auto add = [&notes](const std::vector<std::string>& more) {
    notes.insert(notes.end(), more.begin(), more.end());
  };
  add(pages_note(stored));
  add(source->notes);
  if (settings.strict && !notes.empty()) return refused(notes.front());
  const std::vector<MetadataChunk> metadata =
      metadata_of(stored, facts, colours->applied_profile(), !colours->keeps_colours(), notes);

  PictureKinds kinds;
  kinds.own_colours = colours->keeps_colours();
  if (settings.kinds) {
    kinds.alpha = colours->has_alpha();
    kinds.grey = colours->is_grey();
    kinds.deep = colours->is_deep();
  }
  sender.header({vips_image_get_width(stored), vips_image_get_height(stored)},
                std::clamp(vips_image_get_orientation(stored), 1, 8), kinds);
  for (const MetadataChunk& chunk : metadata) sender.metadata(chunk);
  const auto of_rows = send_rows(*colours, source->rows.get(), kinds, sender);
  if (!of_rows) return of_rows.error();
  if (source->rows != nullptr) {
    const Result<std::vector<std::string>> late = source->rows->finish();
    if (!late && late.error().code != ErrorCode::kBadFile) return late.error();
    if (!late) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("damaged: {}; get a whole copy of the picture", late.error().message)};
    }
    if (settings.strict && !late->empty()) return refused(late->front());
    add(*late);
  }
  if (settings.strict && !of_rows->empty()) return refused(of_rows->front());
  add(*of_rows);
  for (const std::string& note : notes) sender.note(note);
  sender.finish();
  return {};
}

}  // namespace compass::tools::images
