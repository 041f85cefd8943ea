#include "wire.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "upright.h"

namespace compass::tools::images {
namespace {

constexpr size_t kMaxText = 2000;
constexpr size_t kMaxChunk = size_t{64} << 20;  // as much as a .cmps file may carry
constexpr int kMaxItems = 100;                  // notes and metadata chunks together
constexpr size_t kPiece = size_t{64} << 10;

void append(std::vector<uint8_t>& bytes, uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

uint32_t number(std::span<const uint8_t> bytes) {
  return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), std::min(text.size(), kMaxText)};
}

// Control characters become '?'.
std::string text_of(std::span<const uint8_t> bytes) {
  std::string text(bytes.begin(), bytes.end());
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
  return text;
}

std::optional<ErrorCode> error_code(uint8_t code) {
  for (const ErrorCode known : {ErrorCode::kFailure, ErrorCode::kUsage, ErrorCode::kBadFile,
                                ErrorCode::kDamaged, ErrorCode::kModel, ErrorCode::kIo}) {
    if (static_cast<uint8_t>(known) == code) return known;
  }
  return std::nullopt;
}

class Receiver {
 public:
  Receiver(const PhotoSource& source, uint64_t max_pixels) : source_(source), max_pixels_(max_pixels) {}

  std::optional<Result<Photo>> run() {
    for (;;) {
      std::array<uint8_t, 5> head{};
      if (!fill(head)) return std::nullopt;
      const size_t length = number(std::span(head).subspan(1));
      if (head[0] == 'E') return error(length);
      if (head[0] == '.') {
        if (length != 0 || !begun() || next_row_ != stored_.height) return std::nullopt;
        return std::move(photo_);
      }
      if (!take(static_cast<char>(head[0]), length)) return std::nullopt;
    }
  }

 private:
  bool begun() const { return stored_.width > 0; }
  bool fill(std::span<uint8_t> out) const { return source_(out) == out.size(); }

  // `length` bytes. Memory grows with what comes, whatever the length claims.
  std::optional<std::vector<uint8_t>> content(size_t length) const {
    std::vector<uint8_t> bytes;
    while (bytes.size() < length) {
      const size_t begin = bytes.size();
      bytes.resize(begin + std::min(length - begin, kPiece));
      if (!fill(std::span(bytes).subspan(begin))) return std::nullopt;
    }
    return bytes;
  }

  std::optional<Result<Photo>> error(size_t length) const {
    if (length < 1 || length > kMaxText + 1) return std::nullopt;
    const std::optional<std::vector<uint8_t>> bytes = content(length);
    const std::optional<ErrorCode> code = bytes ? error_code(bytes->front()) : std::nullopt;
    if (!code) return std::nullopt;
    return Error{*code, text_of(std::span(*bytes).subspan(1))};
  }

  bool take(char kind, size_t length) {
    switch (kind) {
      case 'H':
        return take_header(length);
      case 'M':
        return take_metadata(length);
      case 'R':
        return take_rows(length);
      case 'N':
        return take_note(length);
      default:
        return false;
    }
  }

  bool take_header(size_t length) {
    std::array<uint8_t, 10> bytes{};
    if (begun() || length != bytes.size() || !fill(bytes)) return false;
    const uint32_t width = number(bytes);
    const uint32_t height = number(std::span(bytes).subspan(4));
    constexpr uint32_t kMaxSide = std::numeric_limits<int>::max();
    if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide || bytes[8] < 1 || bytes[8] > 8 ||
        bytes[9] > 15 || uint64_t{width} * height > max_pixels_) {
      return false;
    }
    stored_ = {static_cast<int>(width), static_cast<int>(height)};
    orientation_ = bytes[8];
    photo_.kinds = {(bytes[9] & 1) != 0, (bytes[9] & 2) != 0, (bytes[9] & 4) != 0, (bytes[9] & 8) != 0};
    const Size size = Upright(stored_, orientation_).size();
    if (photo_.kinds.deep) {
      photo_.deep = Rgb16Image(size);
    } else {
      photo_.image = Rgb8Image(size);
    }
    if (photo_.kinds.alpha) photo_.alpha = Plane(size);
    return true;
  }

  bool take_metadata(size_t length) {
    if (!begun() || next_row_ > 0 || length < 4 || length > kMaxChunk || ++items_ > kMaxItems) return false;
    std::optional<std::vector<uint8_t>> bytes = content(length);
    if (!bytes) return false;
    const uint32_t type = number(*bytes);
    bytes->erase(bytes->begin(), bytes->begin() + 4);
    photo_.metadata.push_back({type, *std::move(bytes)});
    return true;
  }

  bool take_rows(size_t length) {
    const PictureKinds& kinds = photo_.kinds;
    const size_t row_bytes =
        static_cast<size_t>(stored_.width) * (kinds.alpha ? 4 : 3) * (kinds.deep ? 2 : 1);
    if (!begun() || length == 0 || length % row_bytes != 0 ||
        length / row_bytes > static_cast<size_t>(stored_.height - next_row_)) {
      return false;
    }
    const int end = next_row_ + static_cast<int>(length / row_bytes);
    if (orientation_ == 1 && !kinds.alpha && !kinds.deep) {  // where they belong
      uint8_t* const first = photo_.image.row(next_row_);
      next_row_ = end;
      return fill({first, length});
    }
    row_.resize(row_bytes);
    for (; next_row_ < end; ++next_row_) {
      if (!fill(row_)) return false;
      place_row(row_, next_row_, Upright(stored_, orientation_), photo_);
    }
    return true;
  }

  bool take_note(size_t length) {
    if (!begun() || length < 1 || length > kMaxText || ++items_ > kMaxItems) return false;
    const std::optional<std::vector<uint8_t>> bytes = content(length);
    if (bytes) photo_.notes.push_back(text_of(*bytes));
    return bytes.has_value();
  }

  const PhotoSource& source_;
  uint64_t max_pixels_;
  Size stored_{0, 0};
  int orientation_ = 1;
  int next_row_ = 0;
  int items_ = 0;
  std::vector<uint8_t> row_;
  Photo photo_;
};

}  // namespace

std::optional<Result<Photo>> receive_photo(const PhotoSource& source, uint64_t max_pixels) {
  return Receiver(source, max_pixels).run();
}

bool PhotoSender::message(char kind, std::span<const uint8_t> first, std::span<const uint8_t> rest) {
  std::vector<uint8_t> head{static_cast<uint8_t>(kind)};
  append(head, static_cast<uint32_t>(first.size() + rest.size()));
  head.insert(head.end(), first.begin(), first.end());
  return write_(head) && (rest.empty() || write_(rest));
}

bool PhotoSender::header(Size stored, int orientation, const PictureKinds& kinds) {
  std::vector<uint8_t> bytes;
  append(bytes, static_cast<uint32_t>(stored.width));
  append(bytes, static_cast<uint32_t>(stored.height));
  bytes.push_back(static_cast<uint8_t>(orientation));
  bytes.push_back(static_cast<uint8_t>((kinds.alpha ? 1 : 0) | (kinds.grey ? 2 : 0) | (kinds.deep ? 4 : 0) |
                                       (kinds.own_colours ? 8 : 0)));
  return message('H', bytes);
}

bool PhotoSender::metadata(const MetadataChunk& chunk) {
  std::vector<uint8_t> type;
  append(type, chunk.type);
  return message('M', type, chunk.bytes);
}

bool PhotoSender::rows(std::span<const uint8_t> samples) {
  return message('R', {}, samples);
}

bool PhotoSender::note(const std::string& note) {
  return message('N', bytes_of(note));
}

bool PhotoSender::finish() {
  return message('.', {});
}

bool PhotoSender::error(const Error& error) {
  const auto code = static_cast<uint8_t>(error.code);
  return message('E', {&code, 1}, bytes_of(error.message));
}

}  // namespace compass::tools::images
