// JPEG 2000, by OpenJPEG itself: libvips 8.14 corrupts memory on palettes, ignores the image's offset, and
// takes resolution levels for pages.
#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "core/freed.h"
#include "picture_source.h"

namespace compass::tools::images {
namespace {

constexpr uint32_t kMaxBits = 16;
constexpr int kMaxThreads = 8;

using Stream = std::unique_ptr<opj_stream_t, Freed<opj_stream_destroy>>;
using Codec = std::unique_ptr<opj_codec_t, Freed<opj_destroy_codec>>;
using Decoded = std::unique_ptr<opj_image_t, Freed<opj_image_destroy>>;

// The file, as OpenJPEG's stream.
struct Cursor {
  std::span<const uint8_t> bytes;
  size_t at = 0;

  static OPJ_SIZE_T read(void* out, OPJ_SIZE_T count, void* cursor) {
    auto& self = *static_cast<Cursor*>(cursor);
    const size_t got = std::min<size_t>(count, self.bytes.size() - self.at);
    if (got == 0) return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(out, self.bytes.data() + self.at, got);
    self.at += got;
    return got;
  }
  static OPJ_OFF_T skip(OPJ_OFF_T count, void* cursor) {
    auto& self = *static_cast<Cursor*>(cursor);
    if (count < 0 || static_cast<uint64_t>(count) > self.bytes.size() - self.at) return -1;
    self.at += static_cast<size_t>(count);
    return count;
  }
  static OPJ_BOOL seek(OPJ_OFF_T to, void* cursor) {
    auto& self = *static_cast<Cursor*>(cursor);
    if (to < 0 || static_cast<uint64_t>(to) > self.bytes.size()) return OPJ_FALSE;
    self.at = static_cast<size_t>(to);
    return OPJ_TRUE;
  }
};

// What OpenJPEG says: the first message of each kind.
struct Messages {
  std::string error, warning;

  static void keep(const char* text, std::string& message) {
    if (!message.empty()) return;
    message = text;
    message.erase(std::min(message.find_last_not_of(" \r\n.") + 1, message.size()));
  }
  static void on_error(const char* text, void* messages) {
    keep(text, static_cast<Messages*>(messages)->error);
  }
  static void on_warning(const char* text, void* messages) {
    keep(text, static_cast<Messages*>(messages)->warning);
  }

  Error failed() const {
    if (error.find("memory") != std::string::npos) return {ErrorCode::kFailure, "out of memory"};
    return not_a_picture(error.empty() ? "its JPEG 2000 data are damaged" : printable(error));
  }
};

int64_t divided_up(int64_t a, int64_t b) {
  return (a + b - 1) / b;
}

// The pixels' distance on the reference grid (ISO/IEC 15444-1, B.2): the least of the components'. Nothing if
// one component's is no multiple of it.
struct Grid {
  int64_t dx = 0, dy = 0;  // distance
  int64_t x0 = 0, y0 = 0;  // the first pixel, in distances
  int64_t width = 0, height = 0;
};

std::optional<Grid> grid_of(const opj_image_t& image) {
  if (image.numcomps == 0) return std::nullopt;
  const std::span components(image.comps, image.numcomps);
  Grid grid{components[0].dx, components[0].dy};
  for (const opj_image_comp_t& component : components) {
    grid.dx = std::min<int64_t>(grid.dx, component.dx);
    grid.dy = std::min<int64_t>(grid.dy, component.dy);
  }
  if (grid.dx < 1 || grid.dy < 1) return std::nullopt;
  for (const opj_image_comp_t& component : components) {
    if (component.dx % grid.dx != 0 || component.dy % grid.dy != 0) return std::nullopt;
  }
  grid.x0 = divided_up(image.x0, grid.dx);
  grid.y0 = divided_up(image.y0, grid.dy);
  grid.width = divided_up(image.x1, grid.dx) - grid.x0;
  grid.height = divided_up(image.y1, grid.dy) - grid.y0;
  return grid;
}

// What the components are: colours first, then perhaps alpha.
struct Meaning {
  int colours = 0;
  bool alpha = false;
  bool ycc = false;
  bool cmyk = false;
};

bool is_cmyk_profile(const opj_image_t& image) {
  constexpr size_t kSpaceAt = 16;  // ICC.1, 7.2.6
  return image.icc_profile_buf != nullptr && image.icc_profile_len > kSpaceAt + 4 &&
         std::memcmp(image.icc_profile_buf + kSpaceAt, "CMYK", 4) == 0;
}

Result<Meaning> meaning_of(const opj_image_t& image) {
  const int count = static_cast<int>(image.numcomps);
  Meaning meaning;
  switch (image.color_space) {
    case OPJ_CLRSPC_EYCC:
      return not_a_picture("its colours are e-sYCC");
    case OPJ_CLRSPC_CMYK:
      meaning.cmyk = true;
      break;
    case OPJ_CLRSPC_SYCC:
      meaning.ycc = true;
      break;
    case OPJ_CLRSPC_GRAY:
      meaning.colours = 1;
      break;
    default:
      meaning.cmyk = count >= 4 && is_cmyk_profile(image);
      // Only luma and chroma have different distances.
      meaning.ycc = count == 3 && image.color_space != OPJ_CLRSPC_SRGB &&
                    image.comps[0].dx == image.comps[0].dy && image.comps[1].dx > image.comps[0].dx;
      break;
  }
  if (meaning.colours == 0) meaning.colours = meaning.cmyk ? 4 : count >= 3 ? 3 : 1;
  if (image.icc_profile_buf != nullptr && image.icc_profile_len == 0) {
    return not_a_picture("its colours are CIELab");  // OpenJPEG keeps other things in place of a profile
  }
  const int extra = count - meaning.colours;
  if (extra < 0 || extra > 1) return not_a_picture(fmt::format("it has {} components", count));
  meaning.alpha = extra == 1;
  constexpr int kPremultiplied = 2;  // ISO/IEC 15444-1, I.5.3.6
  for (int c = 0; c < count; ++c) {
    const bool colour = c < meaning.colours;
    if (colour != (image.comps[c].alpha == 0) && (colour || image.comps[c].alpha == kPremultiplied)) {
      return not_a_picture(colour ? "its alpha channel is not its last"
                                  : "its colours are premultiplied by alpha");
    }
  }
  return meaning;
}

Status check_components(const opj_image_t& image) {
  for (uint32_t c = 0; c < image.numcomps; ++c) {
    const opj_image_comp_t& component = image.comps[c];
    if (component.prec < 1 || component.prec > kMaxBits) {
      return not_a_picture(fmt::format("its samples have {} bits", component.prec));
    }
    if (component.data == nullptr || component.w < 1 || component.h < 1) {
      return not_a_picture("it has a component without samples");
    }
  }
  return {};
}

class Jp2Rows : public RowReader {
 public:
  Jp2Rows(Decoded image, const Grid& grid, const Meaning& meaning)
      : image_(std::move(image)), grid_(grid), meaning_(meaning) {
    for (uint32_t c = 0; c < image_->numcomps; ++c) deep_ = deep_ || image_->comps[c].prec > 8;
  }

  bool deep() const { return deep_; }

  Status read_row(uint8_t* out) override {
    const int64_t y = row_++;
    const int bands = static_cast<int>(image_->numcomps);
    const float top = deep_ ? 65535.0F : 255.0F;
    for (int c = 0; c < bands; ++c) find_row(c, y);
    for (int64_t x = 0; x < grid_.width; ++x) {
      std::array<float, 5> pixel{};
      for (int c = 0; c < bands; ++c) pixel[c] = sample(c, x);
      if (meaning_.ycc) to_rgb(pixel);
      for (int c = 0; c < bands; ++c) {
        const auto value = static_cast<uint16_t>(std::lround(std::clamp(pixel[c], 0.0F, 1.0F) * top));
        if (deep_) {
          std::memcpy(out + 2 * (x * bands + c), &value, sizeof value);
        } else {
          out[x * bands + c] = static_cast<uint8_t>(value);
        }
      }
    }
    return {};
  }

 private:
  // Where a component's samples of row y are; a sample stands for all pixels up to the next.
  void find_row(int c, int64_t y) {
    const opj_image_comp_t& component = image_->comps[c];
    const int64_t row = (grid_.y0 + y) * grid_.dy / component.dy - divided_up(image_->y0, component.dy);
    samples_[c] = component.data + std::clamp<int64_t>(row, 0, component.h - 1) * component.w;
    steps_[c] = component.dx / grid_.dx;
    before_[c] = divided_up(image_->x0, component.dx);
  }

  // 0 to 1; chroma, too, with its middle at 2^(bits - 1) over the largest value.
  float sample(int c, int64_t x) const {
    const opj_image_comp_t& component = image_->comps[c];
    const int64_t column = steps_[c] == 1 ? x : (grid_.x0 + x) / steps_[c] - before_[c];
    const int64_t value = samples_[c][std::clamp<int64_t>(column, 0, component.w - 1)] + offset(component);
    return static_cast<float>(value) / static_cast<float>((1 << component.prec) - 1);
  }

  static int64_t offset(const opj_image_comp_t& component) {
    return component.sgnd != 0 ? int64_t{1} << (component.prec - 1) : 0;
  }

  // Y, Cb, Cr over the whole range (IEC 61966-2-1, annex G) to R, G, B.
  void to_rgb(std::array<float, 5>& pixel) const {
    const auto middle = [&](int c) {
      const float bits = static_cast<float>(1 << (image_->comps[c].prec - 1));
      return bits / static_cast<float>((1 << image_->comps[c].prec) - 1);
    };
    const float y = pixel[0], cb = pixel[1] - middle(1), cr = pixel[2] - middle(2);
    pixel[0] = y + 1.402F * cr;
    pixel[1] = y - 0.344136F * cb - 0.714136F * cr;
    pixel[2] = y + 1.772F * cb;
  }

  Decoded image_;
  Grid grid_;
  Meaning meaning_;
  bool deep_ = false;
  int64_t row_ = 0;
  std::array<const OPJ_INT32*, 5> samples_{};
  std::array<int64_t, 5> steps_{};
  std::array<int64_t, 5> before_{};
};

// The decoded components, palettes applied. `messages` says what was wrong.
Result<Decoded> decode(std::span<const uint8_t> bytes, uint64_t max_pixels, Messages& messages) {
  const bool bare = bytes.size() > 1 && bytes[0] == 0xff && bytes[1] == 0x4f;
  const Codec codec(opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  const Stream stream(opj_stream_default_create(OPJ_TRUE));
  if (codec == nullptr || stream == nullptr) return Error{ErrorCode::kFailure, "out of memory"};
  opj_set_error_handler(codec.get(), Messages::on_error, &messages);
  opj_set_warning_handler(codec.get(), Messages::on_warning, &messages);
  Cursor cursor{bytes};
  opj_stream_set_user_data(stream.get(), &cursor, nullptr);
  opj_stream_set_user_data_length(stream.get(), bytes.size());
  opj_stream_set_read_function(stream.get(), Cursor::read);
  opj_stream_set_skip_function(stream.get(), Cursor::skip);
  opj_stream_set_seek_function(stream.get(), Cursor::seek);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  opj_image_t* header = nullptr;
  const bool read = opj_setup_decoder(codec.get(), &parameters) == OPJ_TRUE &&
                    opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE) == OPJ_TRUE &&
                    opj_read_header(stream.get(), codec.get(), &header) == OPJ_TRUE;
  Decoded image(header);
  if (!read || image == nullptr) return messages.failed();
  const std::optional<Grid> grid = grid_of(*image);
  if (!grid) return not_a_picture("its components' distances are no multiples of each other");
  if (Status good = check_size(grid->width, grid->height, max_pixels); !good) return good.error();
  opj_codec_set_threads(codec.get(), std::min(opj_get_num_cpus(), kMaxThreads));  // if there are any
  messages.warning.clear();  // about boxes that are not used
  if (opj_decode(codec.get(), stream.get(), image.get()) != OPJ_TRUE ||
      opj_end_decompress(codec.get(), stream.get()) != OPJ_TRUE) {
    return messages.failed();
  }
  return image;
}

VipsInterpretation space_of(const Meaning& meaning, bool deep) {
  if (meaning.cmyk) return VIPS_INTERPRETATION_CMYK;
  if (meaning.colours == 1) return deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
  return deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

}  // namespace

Result<PictureSource> open_jp2(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  Messages messages;
  Result<Decoded> decoded = decode(bytes, max_pixels, messages);
  if (!decoded) return decoded.error();
  const opj_image_t& image = **decoded;
  if (Status good = check_components(image); !good) return good.error();
  const std::optional<Grid> grid = grid_of(image);
  const Result<Meaning> meaning = meaning_of(image);
  if (!grid || !meaning)
    return meaning ? not_a_picture("its components do not fit together") : meaning.error();
  PictureSource source;
  if (!messages.warning.empty()) {
    source.notes.push_back(
        fmt::format("its JPEG 2000 data say {}: parts of it may be damaged", printable(messages.warning)));
  }
  const std::vector<uint8_t> profile(image.icc_profile_buf, image.icc_profile_buf + image.icc_profile_len);
  const int bands = static_cast<int>(image.numcomps);
  const Size size{static_cast<int>(grid->width), static_cast<int>(grid->height)};
  auto rows = std::make_unique<Jp2Rows>(*std::move(decoded), *grid, *meaning);
  source.image = image_of_rows({size, bands, rows->deep(), space_of(*meaning, rows->deep())}, nullptr, *rows);
  if (source.image != nullptr && !profile.empty()) {
    vips_image_set_blob_copy(source.image.get(), VIPS_META_ICC_NAME, profile.data(), profile.size());
  }
  source.rows = std::move(rows);
  return source;
}

}  // namespace compass::tools::images
