// JPEG, by libjpeg itself: libvips does not tell apart what of libjpeg's warnings means lost pixels, and
// refuses a file that lacks nothing but its end marker.
#include <cstdio>
// jpeglib.h needs FILE, jerror.h what jpeglib.h defines.
#include <jpeglib.h>
// Numbers of messages.
#include <fmt/format.h>
#include <jerror.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <optional>

#include "picture_source.h"

namespace compass::tools::images {
namespace {

// libjpeg's part of the reader: plain data, since its errors come back by longjmp.
struct Decoder {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  std::jmp_buf on_error{};
  std::array<char, JMSG_LENGTH_MAX> reason{};  // of the first error, or of a warning that means lost pixels
  bool in_scans = false;                       // behind the headers
  bool lost_pixels = false;
  bool ends_early = false;  // libjpeg wanted more than there is
  long stray_bytes = 0;     // between the last row's data and the marker behind it
};

Decoder& decoder_of(j_common_ptr info) {
  return *static_cast<Decoder*>(info->client_data);
}

[[noreturn]] void on_error(j_common_ptr info) {
  Decoder& decoder = decoder_of(info);
  info->err->format_message(info, decoder.reason.data());
  std::longjmp(decoder.on_error, 1);  // NOLINT: C code lies between
}

bool is_restart(int marker) {
  constexpr int kFirst = 0xd0, kLast = 0xd7;
  return marker >= kFirst && marker <= kLast;
}

// Warnings (level -1). Most are about headers, and browsers show those pictures as they are.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  ++info->err->num_warnings;
  Decoder& decoder = decoder_of(info);
  bool lost = false;
  switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
    case JWRN_BOGUS_PROGRESSION:
      lost = true;
      break;
    case JWRN_EXTRANEOUS_DATA:
      if (!decoder.in_scans) break;
      lost = is_restart(info->err->msg_parm.i[1]);
      decoder.stray_bytes += info->err->msg_parm.i[0];
      break;
    default:
      break;
  }
  if (lost && !decoder.lost_pixels) {
    decoder.lost_pixels = true;
    info->err->format_message(info, decoder.reason.data());
  }
}

void on_output(j_common_ptr /*info*/) {}
void on_source(j_decompress_ptr /*info*/) {}

// Behind the end: the end marker, which some cameras and broken transfers leave out. Whether pixels are
// missing, too, libjpeg notices by itself.
boolean on_empty(j_decompress_ptr info) {
  static constexpr std::array<JOCTET, 2> kEnd = {0xff, JPEG_EOI};
  decoder_of(reinterpret_cast<j_common_ptr>(info)).ends_early = true;
  info->src->next_input_byte = kEnd.data();
  info->src->bytes_in_buffer = kEnd.size();
  return TRUE;
}

void on_skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  const size_t skipped = std::min(static_cast<size_t>(count), info->src->bytes_in_buffer);
  info->src->next_input_byte += skipped;
  info->src->bytes_in_buffer -= skipped;
}

// The steps of decoding: false if there was an error, whose reason is in `decoder`. They hold nothing that a
// longjmp would have to clean up.
bool begin(Decoder& decoder, std::span<const uint8_t> bytes) {
  jpeg_decompress_struct& info = decoder.info;
  info.err = jpeg_std_error(&decoder.errors);
  info.client_data = &decoder;
  decoder.errors.error_exit = on_error;
  decoder.errors.emit_message = on_message;
  decoder.errors.output_message = on_output;
  if (setjmp(decoder.on_error) != 0) return false;  // NOLINT: as libjpeg's manual has it
  jpeg_create_decompress(&info);
  info.client_data = &decoder;
  decoder.source.init_source = on_source;
  decoder.source.fill_input_buffer = on_empty;
  decoder.source.skip_input_data = on_skip;
  decoder.source.resync_to_restart = jpeg_resync_to_restart;
  decoder.source.term_source = on_source;
  decoder.source.next_input_byte = bytes.data();
  decoder.source.bytes_in_buffer = bytes.size();
  info.src = &decoder.source;
  jpeg_read_header(&info, TRUE);
  if (info.num_components == 4) info.out_color_space = JCS_CMYK;
  jpeg_calc_output_dimensions(&info);
  decoder.in_scans = true;
  return true;
}

bool start(Decoder& decoder) {
  if (setjmp(decoder.on_error) != 0) return false;  // NOLINT: see above
  return jpeg_start_decompress(&decoder.info) == TRUE;
}

bool next_row(Decoder& decoder, uint8_t* out) {
  if (setjmp(decoder.on_error) != 0) return false;  // NOLINT: see above
  return jpeg_read_scanlines(&decoder.info, &out, 1) == 1 && !decoder.lost_pixels;
}

bool end(Decoder& decoder) {
  if (setjmp(decoder.on_error) != 0) return false;  // NOLINT: see above
  return jpeg_finish_decompress(&decoder.info) == TRUE && !decoder.lost_pixels;
}

class JpegRows : public RowReader {
 public:
  JpegRows() = default;
  ~JpegRows() override { jpeg_destroy_decompress(&decoder_.info); }

  // What libjpeg's error says.
  Error error() const {
    const std::string_view reason = decoder_.reason.data();
    const bool memory = decoder_.errors.msg_code == JERR_OUT_OF_MEMORY;
    return {memory ? ErrorCode::kFailure : ErrorCode::kBadFile,
            reason.empty() ? "its data ends early" : std::string(reason)};
  }

  bool open(std::span<const uint8_t> bytes) { return begin(decoder_, bytes); }
  const jpeg_decompress_struct& info() const { return decoder_.info; }

  Status read_row(uint8_t* out) override {
    if (!started_ && !start(decoder_)) return error();
    started_ = true;
    if (!next_row(decoder_, out)) return error();
    // Adobe's CMYK has paper at 255.
    if (info().out_color_space == JCS_CMYK && info().saw_Adobe_marker == TRUE) {
      std::for_each_n(out, size_t{4} * info().output_width, [](uint8_t& v) { v = 255 - v; });
    }
    return {};
  }

  Result<std::vector<std::string>> finish() override {
    if (lacks_scans()) return Error{ErrorCode::kBadFile, "it ends before its last scan"};
    // The pixels are there. Data that is left over is what damage looks like that libjpeg found its way
    // through; but some cameras fill up like that, too.
    const bool good = end(decoder_);
    // Arithmetic coding takes what is missing for zeros, without a word.
    if (decoder_.ends_early && info().arith_code == TRUE) {
      return Error{ErrorCode::kBadFile, "its arithmetic-coded data ends early"};
    }
    if (!good) {
      return std::vector<std::string>{
          fmt::format("behind its last row: {}: parts of it may be damaged", error().message)};
    }
    if (decoder_.stray_bytes == 0) return std::vector<std::string>();
    return std::vector<std::string>{fmt::format(
        "JPEG data of {} bytes belongs to no pixel: parts of it may be damaged", decoder_.stray_bytes)};
  }

 private:
  // Whether some of what a file of several scans says in them never came, which libjpeg accepts.
  bool lacks_scans() const {
    for (int c = 0; c < info().num_components; ++c) {
      if (info().comp_info[c].quant_table == nullptr) return true;  // set by a component's first scan
      if (!decoder_.ends_early || info().progressive_mode != TRUE || info().coef_bits == nullptr) continue;
      if (std::any_of(info().coef_bits[c], info().coef_bits[c] + DCTSIZE2,
                      [](int bits) { return bits != 0; }))
        return true;
    }
    return false;
  }

  Decoder decoder_;
  bool started_ = false;
};

struct Colours {
  int bands;
  VipsInterpretation space;
};

std::optional<Colours> colours_of(const jpeg_decompress_struct& info) {
  switch (info.out_color_space) {
    case JCS_GRAYSCALE:
      return Colours{1, VIPS_INTERPRETATION_B_W};
    case JCS_RGB:
      return Colours{3, VIPS_INTERPRETATION_sRGB};
    case JCS_CMYK:
      return Colours{4, VIPS_INTERPRETATION_CMYK};
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<PictureSource> open_jpeg(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  auto rows = std::make_unique<JpegRows>();
  if (!rows->open(bytes)) return not_a_picture(rows->error().message);
  const jpeg_decompress_struct& info = rows->info();
  if (Status good = check_size(info.output_width, info.output_height, max_pixels); !good) return good.error();
  const std::optional<Colours> colours = colours_of(info);
  if (!colours) return not_a_picture(fmt::format("it has {} components", info.num_components));
  // Exif, XMP, the profile and the resolution.
  const VipsImageHandle header(
      vips_image_new_from_buffer(bytes.data(), bytes.size(), "", "access", VIPS_ACCESS_SEQUENTIAL, nullptr));
  if (header == nullptr) return not_a_picture(vips_reason());
  PictureSource source;
  const Size size{static_cast<int>(info.output_width), static_cast<int>(info.output_height)};
  source.image = image_of_rows({size, colours->bands, false, colours->space}, header.get(), *rows);
  source.rows = std::move(rows);
  return source;
}

}  // namespace compass::tools::images
