// Netpbm's formats: PBM, PGM, PPM (binary and text), PAM, and PFM, at any depth, as libvips wants its rows.
// image/ppm.h reads the one of them that this project's programs exchange.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "image/image.h"
#include "picture_source.h"

namespace compass::tools::images {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr uint32_t kMaxMaximum = 65535;

Error damaged(const std::string& what) {
  return {ErrorCode::kBadFile, what};
}

bool is_space(uint8_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Words and numbers of a header or of samples as text; '#' begins a comment that ends with its line.
class Tokens {
 public:
  Tokens(Bytes bytes, size_t at) : bytes_(bytes), at_(at) {}

  // Empty at the end.
  std::string_view word() {
    skip_space();
    const size_t begin = at_;
    while (at_ < bytes_.size() && !is_space(bytes_[at_]) && bytes_[at_] != '#') ++at_;
    return {reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - begin};
  }

  // Digits alone, up to 999 999 999.
  std::optional<uint32_t> number() {
    const std::string_view digits = word();
    constexpr size_t kMaxDigits = 9;
    if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
    uint32_t value = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + static_cast<uint32_t>(c - '0');
    }
    return value;
  }

  // One digit, whatever follows it.
  std::optional<uint8_t> bit() {
    skip_space();
    if (at_ >= bytes_.size() || (bytes_[at_] != '0' && bytes_[at_] != '1')) return std::nullopt;
    return static_cast<uint8_t>(bytes_[at_++] - '0');
  }

  // What follows the one white space that ends a binary picture's header, which may be a comment's end.
  size_t samples_begin() {
    if (at_ < bytes_.size() && bytes_[at_] == '#') skip_line();
    return std::min(at_ + 1, bytes_.size());
  }

  std::string_view line() {
    const size_t begin = at_;
    skip_line();
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - begin);
    at_ = std::min(at_ + 1, bytes_.size());
    return text;
  }

  bool at_end() const { return at_ >= bytes_.size(); }
  size_t at() const { return at_; }

 private:
  void skip_line() {
    while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
  }
  void skip_space() {
    while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#') {
        skip_line();
      } else {
        ++at_;
      }
    }
  }

  Bytes bytes_;
  size_t at_;
};

enum class Coding { kText, kTextBits, kBits, kBinary, kFloat };

struct Header {
  Coding coding = Coding::kBinary;
  int64_t width = 0;
  int64_t height = 0;
  int bands = 1;
  uint32_t maximum = 1;        // 1..65535
  bool little_endian = false;  // floats
  size_t begin = 0;            // where samples are

  // Bytes of a stored row; for text the fewest there can be.
  uint64_t row_bytes() const {
    const uint64_t samples = static_cast<uint64_t>(width) * static_cast<uint64_t>(bands);
    switch (coding) {
      case Coding::kBits:
        return (samples + 7) / 8;
      case Coding::kTextBits:
        return samples;
      case Coding::kText:
        return 2 * samples;
      case Coding::kBinary:
        return samples * (maximum > 255 ? 2 : 1);
      case Coding::kFloat:
        return samples * 4;
    }
    return 0;
  }
};

// P1 to P6.
Result<Header> pnm_header(Bytes bytes) {
  const char kind = static_cast<char>(bytes[1]);
  Header header;
  header.coding = kind == '1'   ? Coding::kTextBits
                  : kind == '4' ? Coding::kBits
                  : kind <= '3' ? Coding::kText
                                : Coding::kBinary;
  header.bands = kind == '3' || kind == '6' ? 3 : 1;
  Tokens tokens(bytes, 2);
  const std::optional<uint32_t> width = tokens.number();
  const std::optional<uint32_t> height = width ? tokens.number() : std::nullopt;
  const bool bits = header.coding == Coding::kTextBits || header.coding == Coding::kBits;
  const std::optional<uint32_t> maximum = bits || !height ? std::optional(1U) : tokens.number();
  if (!height || !maximum) return not_a_picture("its PNM header does not hold width, height and maximum");
  if (*maximum < 1 || *maximum > kMaxMaximum) {
    return not_a_picture(fmt::format("its largest sample value is {}, not 1 to {}", *maximum, kMaxMaximum));
  }
  header.width = *width;
  header.height = *height;
  header.maximum = *maximum;
  header.begin = tokens.samples_begin();
  return header;
}

Result<Header> pam_header(Bytes bytes) {
  Header header;
  std::optional<uint32_t> width, height, bands, maximum;
  std::string_view type;
  for (Tokens lines(bytes, 3); !lines.at_end();) {
    Tokens line(bytes, lines.at());
    const std::string_view key = line.word();
    if (key == "ENDHDR") {
      lines.line();
      header.begin = lines.at();
      break;
    }
    if (key == "WIDTH") width = line.number();
    if (key == "HEIGHT") height = line.number();
    if (key == "DEPTH") bands = line.number();
    if (key == "MAXVAL") maximum = line.number();
    if (key == "TUPLTYPE") type = line.word();
    lines.line();
  }
  if (header.begin == 0 || !width || !height || !bands || !maximum) {
    return not_a_picture("its PAM header does not hold WIDTH, HEIGHT, DEPTH, MAXVAL and ENDHDR");
  }
  constexpr std::pair<std::string_view, uint32_t> kTypes[] = {
      {"BLACKANDWHITE", 1}, {"BLACKANDWHITE_ALPHA", 2}, {"GRAYSCALE", 1}, {"GRAYSCALE_ALPHA", 2}, {"RGB", 3},
      {"RGB_ALPHA", 4}};
  const bool known = std::any_of(std::begin(kTypes), std::end(kTypes), [&](const auto& kind) {
    return kind.second == *bands && (type.empty() || type == kind.first);
  });
  if (!known) {
    return not_a_picture(
        fmt::format("its PAM tuples of {} samples are not grey or RGB, with or without alpha", *bands));
  }
  if (*maximum < 1 || *maximum > kMaxMaximum) {
    return not_a_picture(fmt::format("its largest sample value is {}, not 1 to {}", *maximum, kMaxMaximum));
  }
  header.width = *width;
  header.height = *height;
  header.bands = static_cast<int>(*bands);
  header.maximum = *maximum;
  return header;
}

// PF (RGB) and Pf (grey): rows from the bottom up, the byte order in the sign of a scale.
Result<Header> pfm_header(Bytes bytes) {
  Header header;
  header.coding = Coding::kFloat;
  header.bands = bytes[1] == 'F' ? 3 : 1;
  Tokens tokens(bytes, 2);
  const std::optional<uint32_t> width = tokens.number();
  const std::optional<uint32_t> height = width ? tokens.number() : std::nullopt;
  std::string_view scale = height ? tokens.word() : std::string_view();
  if (scale.empty()) return not_a_picture("its PFM header does not hold width, height and scale");
  header.little_endian = scale.starts_with('-');
  if (header.little_endian) scale.remove_prefix(1);
  const size_t point = scale.find('.');
  const bool one =
      scale.substr(0, point) == "1" &&
      (point == std::string_view::npos || scale.find_first_not_of('0', point + 1) == std::string_view::npos);
  if (!one) return not_a_picture("its PFM scale is not 1 or -1, so that white is unknown");
  header.width = *width;
  header.height = *height;
  header.begin = tokens.samples_begin();
  return header;
}

Result<Header> header_of(Bytes bytes) {
  if (bytes[1] == '7') return pam_header(bytes);
  if (bytes[1] == 'F' || bytes[1] == 'f') return pfm_header(bytes);
  return pnm_header(bytes);
}

class PnmRows : public RowReader {
 public:
  PnmRows(const Header& header, Bytes bytes)
      : header_(header),
        bytes_(bytes),
        samples_(static_cast<size_t>(header.width) * static_cast<size_t>(header.bands)),
        text_(bytes, header.begin),
        values_(deep() || header.coding == Coding::kFloat ? 0 : header.maximum + 1) {
    for (uint32_t v = 0; v < values_.size(); ++v) values_[v] = static_cast<uint8_t>(scaled(v, 255));
    if (header.coding == Coding::kBits || header.coding == Coding::kTextBits)
      values_ = {255, 0};  // 1 is black
  }

  bool deep() const { return header_.maximum > 255; }

  Status read_row(uint8_t* out) override {
    const int64_t y = row_++;
    if (header_.coding == Coding::kFloat) {
      read_floats(stored_row(header_.height - 1 - y), out);
      return {};
    }
    if (header_.coding == Coding::kBinary && header_.maximum == 255) {  // most of all
      std::memcpy(out, stored_row(y), samples_);
      return {};
    }
    for (size_t i = 0; i < samples_; ++i) {
      const std::optional<uint32_t> value = sample(stored_row(y), i);
      if (!value) return damaged("its samples as text end early, or are no numbers");
      if (*value > header_.maximum) {
        return damaged(fmt::format("a sample of {} is more than the maximum of {}", *value, header_.maximum));
      }
      if (deep()) {
        const auto sixteen = static_cast<uint16_t>(scaled(*value, kMaxMaximum));
        std::memcpy(out + 2 * i, &sixteen, sizeof sixteen);
      } else {
        out[i] = values_[*value];
      }
    }
    return {};
  }

  Result<std::vector<std::string>> finish() override {
    const bool text = header_.coding == Coding::kText || header_.coding == Coding::kTextBits;
    const size_t end =
        text ? text_.at() : header_.begin + static_cast<size_t>(header_.row_bytes()) * header_.height;
    size_t next = end;
    while (next < bytes_.size() && is_space(bytes_[next])) ++next;
    const Bytes rest = bytes_.subspan(next);
    if (rest.size() > 3 && rest[0] == 'P' && rest[1] >= '1' && rest[1] <= '7' && is_space(rest[2])) {
      return std::vector<std::string>{"only the first of several pictures in the file is read"};
    }
    return std::vector<std::string>();
  }

 private:
  uint32_t scaled(uint32_t value, uint32_t to) const {
    return (value * to + header_.maximum / 2) / header_.maximum;
  }

  const uint8_t* stored_row(int64_t y) const {
    return bytes_.data() + header_.begin + static_cast<size_t>(y) * header_.row_bytes();
  }

  std::optional<uint32_t> sample(const uint8_t* row, size_t i) {
    switch (header_.coding) {
      case Coding::kText:
        return text_.number();
      case Coding::kTextBits:
        return text_.bit();
      case Coding::kBits:
        return row[i / 8] >> (7 - i % 8) & 1;
      default:
        return deep() ? row[2 * i] << 8 | row[2 * i + 1] : row[i];
    }
  }

  void read_floats(const uint8_t* row, uint8_t* out) const {
    for (size_t i = 0; i < samples_; ++i, row += 4) {
      uint32_t bits = 0;
      for (int k = 0; k < 4; ++k) bits = bits << 8 | row[header_.little_endian ? 3 - k : k];
      out[i] = byte_of_sample(std::bit_cast<float>(bits));
    }
  }

  Header header_;
  Bytes bytes_;
  size_t samples_;  // of a row
  Tokens text_;
  std::vector<uint8_t> values_;  // samples of up to 8 bits, scaled to 0..255
  int64_t row_ = 0;
};

VipsInterpretation space_of(int bands, bool deep) {
  if (bands <= 2) return deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
  return deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

}  // namespace

Result<PictureSource> open_pnm(std::span<const uint8_t> bytes, uint64_t max_pixels) {
  const Result<Header> header = header_of(bytes);
  if (!header) return header.error();
  if (Status good = check_size(header->width, header->height, max_pixels); !good) return good.error();
  const uint64_t need = header->row_bytes() * static_cast<uint64_t>(header->height);
  const uint64_t last_space = header->coding == Coding::kText ? 1 : 0;  // which text may lack
  if (const uint64_t rest = bytes.size() - header->begin; rest + last_space < need) {
    return not_a_picture(fmt::format("it ends early, {} bytes before its last sample", need - rest));
  }
  PictureSource source;
  auto rows = std::make_unique<PnmRows>(*header, bytes);
  const Size size{static_cast<int>(header->width), static_cast<int>(header->height)};
  source.image = image_of_rows({size, header->bands, rows->deep(), space_of(header->bands, rows->deep())},
                               nullptr, *rows);
  source.rows = std::move(rows);
  if (header->coding == Coding::kFloat) {
    source.notes.emplace_back("float samples are taken as sRGB, clipped to 0 to 1 and rounded to 8 bits");
  }
  return source;
}

}  // namespace compass::tools::images
