#include "first_frame.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace compass::tools::images {
namespace {

using Bytes = std::span<const uint8_t>;

uint32_t big_endian(Bytes bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at]) << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}

int little_endian16(Bytes bytes, size_t at) {
  return bytes[at] | bytes[at + 1] << 8;
}

std::string_view type_at(Bytes bytes, size_t at) {
  return {reinterpret_cast<const char*>(bytes.data()) + at, 4};
}

// JPEG XL's header fields: bits, the lowest of a byte first; 0 beyond the end.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}
  uint32_t bits(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      if (at_ / 8 < bytes_.size()) value |= (bytes_[at_ / 8] >> (at_ % 8) & 1U) << i;
    }
    return value;
  }
  bool flag() { return bits(1) != 0; }
  // A selector of two bits, and as many bits as it says.
  void skip_u32(int first, int second, int third, int fourth) {
    const int counts[4] = {first, second, third, fourth};
    bits(counts[bits(2)]);
  }

 private:
  Bytes bytes_;
  size_t at_ = 0;
};

// ISO/IEC 18181-1, D.2: SizeHeader.
void skip_size(BitReader& reader) {
  const bool small = reader.flag();
  const auto skip_side = [&] {
    if (small) {
      reader.bits(5);
    } else {
      reader.skip_u32(9, 13, 18, 30);
    }
  };
  skip_side();
  if (reader.bits(3) == 0) skip_side();
}

// PreviewHeader.
void skip_preview(BitReader& reader) {
  const bool small = reader.flag();
  const auto skip_side = [&] {
    if (small) {
      reader.skip_u32(0, 0, 5, 9);
    } else {
      reader.skip_u32(6, 8, 10, 12);
    }
  };
  skip_side();
  if (reader.bits(3) == 0) skip_side();
}

// The codestream, or its beginning if it is in parts.
Bytes codestream_of(Bytes jxl) {
  if (jxl.size() < 2 || jxl[0] == 0xff) return jxl;
  constexpr size_t kHeader = 8;
  for (size_t at = 0; at + kHeader <= jxl.size();) {
    const uint32_t length = big_endian(jxl, at);
    const std::string_view type = type_at(jxl, at + 4);
    const size_t header = length == 1 ? 2 * kHeader : kHeader;  // 64-bit lengths
    const size_t part = type == "jxlp" ? 4 : 0;                 // with a number in front
    if (type == "jxlc" || type == "jxlp") {
      return jxl.size() - at > header + part ? jxl.subspan(at + header + part) : Bytes();
    }
    if (length < kHeader || length > jxl.size() - at) break;
    at += length;
  }
  return {};
}

}  // namespace

PngAnimation png_animation(Bytes png) {
  // PNG, 3rd edition, 11.3.6: acTL, with the number of frames, comes before the first IDAT; so does an fcTL
  // if the still picture is the first frame.
  constexpr size_t kSignature = 8, kAroundData = 12;  // length, type and checksum
  PngAnimation animation;
  for (size_t at = kSignature; at + kAroundData <= png.size();) {
    const std::string_view type = type_at(png, at + 4);
    const size_t length = big_endian(png, at);
    if (type == "IDAT" || length > png.size() - at - kAroundData) break;
    if (type == "acTL" && length >= 4) animation.frames = big_endian(png, at + 8);
    if (type == "fcTL") animation.first_is_still = true;
    at += length + kAroundData;
  }
  return animation;
}

std::optional<Rect> gif_first_frame(Bytes gif) {
  constexpr size_t kHeader = 13, kDescriptor = 10;
  constexpr uint8_t kExtension = 0x21, kImage = 0x2c, kHasColours = 0x80, kColourBits = 7;
  if (gif.size() < kHeader) return std::nullopt;
  const size_t colours = (gif[10] & kHasColours) != 0 ? size_t{2} << (gif[10] & kColourBits) : 0;
  size_t at = kHeader + 3 * colours;
  while (at + kDescriptor <= gif.size()) {
    if (gif[at] == kImage) {
      return Rect{little_endian16(gif, at + 1), little_endian16(gif, at + 3), little_endian16(gif, at + 5),
                  little_endian16(gif, at + 7)};
    }
    if (gif[at] != kExtension) return std::nullopt;
    at += 2;  // then blocks, each with its length in front, up to an empty one
    while (at < gif.size() && gif[at] != 0) at += size_t{1} + gif[at];
    ++at;
  }
  return std::nullopt;
}

bool is_heif_sequence(Bytes heif) {
  // ISO/IEC 14496-12, 4.3: the first box lists the brands; ISO/IEC 23008-12 and AVIF: those of sequences.
  constexpr std::string_view kSequences[] = {"msf1", "hevc", "hevx", "hevm", "hevs", "avis"};
  constexpr size_t kBrand = 4, kFirst = 8;
  if (heif.size() < kFirst) return false;
  const size_t end = std::min<size_t>(big_endian(heif, 0), heif.size());
  for (size_t at = kFirst; at + kBrand <= end; at += kBrand) {
    if (std::ranges::find(kSequences, type_at(heif, at)) != std::end(kSequences)) return true;
  }
  return false;
}

bool is_jxl_animation(Bytes jxl) {
  const Bytes codestream = codestream_of(jxl);
  if (codestream.size() < 2) return false;
  BitReader reader(codestream.subspan(2));
  skip_size(reader);
  // D.3: ImageMetadata, up to the flag that matters.
  if (reader.flag() || !reader.flag()) return false;  // all defaults, or no such fields
  reader.bits(3);                                     // orientation
  if (reader.flag()) skip_size(reader);               // intrinsic size
  if (reader.flag()) skip_preview(reader);
  return reader.flag();
}

}  // namespace compass::tools::images
