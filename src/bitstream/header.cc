// The header's bytes, both ways. The order of fields is docs/bitstream.md's.
#include <algorithm>
#include <limits>
#include <string>

#include "bitstream/byte_io.h"
#include "bitstream/container.h"

namespace compass {
namespace {

// 'C' with its high bit set, so that no text file begins like this; then "MP".
constexpr std::array<uint8_t, 3> kSignature = {0xC3, 'M', 'P'};
constexpr int kMajorVersion = 1;
constexpr int kMinorVersion = 0;

// The word after the layer count: the base layer's quality in the low 10 bits, then flags.
constexpr int kQualityBits = 10;
constexpr uint16_t kOwnQualities = 1 << 10;  // every layer above the base states its quality
constexpr uint16_t kHasMetadata = 1 << 11;   // a metadata table follows
constexpr uint16_t kOtherStreams = 1 << 12;  // reserved for layer streams of another kind; refused
constexpr uint16_t kQualityMaps = 1 << 14;   // every layer states the length of its quality map
constexpr uint16_t kHasExtension = 1 << 13;  // a later minor version's fields precede the checksum
constexpr uint16_t kHasKinds = 1 << 15;      // a byte of kinds follows

// Of the byte of kinds.
constexpr uint8_t kAlpha = 1 << 0;
constexpr uint8_t kGrey = 1 << 1;
constexpr uint8_t kDeep = 1 << 2;
constexpr uint8_t kOwnColours = 1 << 3;

// Sides are predicted to be twice the layer below's. A nibble of 0..14 is the difference plus 7; 15 means
// that the side follows, as its growth over the layer below's.
constexpr int64_t kNibbleBias = 7;
constexpr int64_t kNibbleEscape = 15;

constexpr uint64_t kMaxChunkBytes = uint64_t{1} << 48;
constexpr uint64_t kMaxExtensionBytes = 4096;
constexpr size_t kChecksumBytes = 4;
constexpr size_t kMinLayerBytes = 1 + 1 + 4;  // sizes, length, checksum

Error bad(const std::string& what, ErrorCode code = ErrorCode::kBadFile) {
  return {code, "header: " + what};
}

std::string text(Size size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

// One side of a layer above the base: its nibble is known, `below` is the side of the layer below.
int64_t read_side(ByteReader& in, int nibble, int64_t below) {
  if (nibble != kNibbleEscape) return 2 * below + nibble - kNibbleBias;
  return below + static_cast<int64_t>(in.varint());
}

int64_t side_nibble(int64_t side, int64_t below) {
  const int64_t nibble = side - 2 * below + kNibbleBias;
  return nibble >= 0 && nibble < kNibbleEscape ? nibble : kNibbleEscape;
}

uint8_t byte_of(const PictureKinds& kinds) {
  return (kinds.alpha ? kAlpha : 0) | (kinds.grey ? kGrey : 0) | (kinds.deep ? kDeep : 0) |
         (kinds.own_colours ? kOwnColours : 0);
}

// Error: kinds that this program does not know, whose pictures it would show wrong; or none at all.
Status read_kinds(ByteReader& in, PictureKinds& kinds) {
  const uint8_t byte = in.u8();
  kinds = {(byte & kAlpha) != 0, (byte & kGrey) != 0, (byte & kDeep) != 0, (byte & kOwnColours) != 0};
  if (!in.is_short() && (byte == 0 || byte != byte_of(kinds))) {
    return bad("it is a picture of a kind that this program does not know");
  }
  return {};
}

// What both directions hold a header to. `code` is the kind of error it would be.
Status check_header(const ContainerHeader& header, ErrorCode code) {
  const size_t count = header.layers.size();
  if (count == 0 || count > kMaxLayerCount) {
    return bad(std::to_string(count) + " layers; a file has 1 to 255", code);
  }
  for (size_t k = 0; k < count; ++k) {
    const LayerEntry& layer = header.layers[k];
    const std::string name = "layer " + std::to_string(k);
    if (layer.size.width < 1 || layer.size.height < 1)
      return bad(name + " is empty: " + text(layer.size), code);
    if (layer.quality < 0 || layer.quality > kMaxQuality) {
      return bad(name + "'s quality " + std::to_string(layer.quality) + " is outside 0..1000", code);
    }
    if (layer.bytes > max_stream_bytes(layer.size.pixels()) || layer.bytes > kMaxChunkBytes) {
      return bad(name + " of " + text(layer.size) + " cannot take " + std::to_string(layer.bytes) + " bytes",
                 code);
    }
    if (layer.map_bytes > max_quality_map_bytes(layer.size)) {
      return bad(name + " of " + text(layer.size) + " cannot have a quality map of " +
                     std::to_string(layer.map_bytes) + " bytes",
                 code);
    }
    const auto blocks = static_cast<uint64_t>(listed_blocks(layer.size));
    if (layer.index_bytes < kMinBlockEntryBytes * blocks ||
        layer.index_bytes > kMaxBlockEntryBytes * blocks || layer.index_bytes > layer.bytes) {
      return bad(name + " of " + text(layer.size) + " and " + std::to_string(layer.bytes) +
                     " bytes cannot have an index of " + std::to_string(layer.index_bytes),
                 code);
    }
    const bool fits = header.kinds.alpha ? is_possible(layer.size, layer.alpha) : layer.alpha == AlphaEntry();
    if (!fits) {
      return bad(name + " of " + text(layer.size) + " cannot have alpha of " +
                     std::to_string(layer.alpha.bytes) + " bytes",
                 code);
    }
    if (k == 0) continue;
    const Size below = header.layers[k - 1].size;
    if (layer.size.width < below.width || layer.size.height < below.height) {
      return bad(name + " is smaller than the one below: " + text(layer.size) + " after " + text(below),
                 code);
    }
  }
  if (header.metadata.size() > kMaxMetadataCount) return bad("more than 64 metadata chunks", code);
  for (const MetadataEntry& chunk : header.metadata) {
    if (chunk.bytes > kMaxChunkBytes) return bad("a metadata chunk is impossibly long", code);
  }
  const auto is_icc = [](const MetadataEntry& chunk) { return chunk.type == MetadataChunk::kIcc; };
  if (header.kinds.own_colours && std::ranges::none_of(header.metadata, is_icc)) {
    return bad("its pixels are of a colour profile that it does not have", code);
  }
  return {};
}

Status check_limits(const ContainerHeader& header, const ContainerLimits& limits) {
  if (header.layers.size() > static_cast<size_t>(limits.max_layers)) {
    return bad(std::to_string(header.layers.size()) + " layers are more than the limit of " +
               std::to_string(limits.max_layers));
  }
  for (size_t k = 0; k < header.layers.size(); ++k) {
    const Size size = header.layers[k].size;
    if (static_cast<uint64_t>(size.pixels()) <= limits.max_pixels) continue;
    return bad("layer " + std::to_string(k) + " of " + text(size) + " has more pixels than the limit of " +
               std::to_string(limits.max_pixels) + ": raise the limit");
  }
  if (header.metadata_bytes() > limits.max_metadata_bytes) {
    return bad(std::to_string(header.metadata_bytes()) + " bytes of metadata are more than the limit of " +
               std::to_string(limits.max_metadata_bytes));
  }
  return {};
}

// Where everything lies: header, metadata, layers, without gaps.
void place(ContainerHeader& header) {
  uint64_t at = header.bytes;
  for (MetadataEntry& chunk : header.metadata) {
    chunk.offset = at;
    at += chunk.bytes;
  }
  for (LayerEntry& layer : header.layers) {
    layer.offset = at + layer.map_bytes;
    at = layer.end();
  }
}

Status read_metadata_table(ByteReader& in, ContainerHeader& header) {
  const uint64_t count = in.varint();
  if (!in.is_short() && (count == 0 || count > kMaxMetadataCount))
    return bad("impossible number of metadata chunks");
  for (uint64_t i = 0; i < count && !in.is_short(); ++i) {
    const uint64_t type = in.varint();
    if (type > std::numeric_limits<uint32_t>::max()) return bad("a metadata chunk has an impossible type");
    header.metadata.push_back({static_cast<uint32_t>(type), in.varint(), 0});
  }
  header.metadata_checksum = in.u32();
  return {};
}

Status read_layer_table(ByteReader& in, size_t count, uint16_t word, ContainerHeader& header) {
  for (size_t k = 0; k < count && !in.is_short(); ++k) {
    LayerEntry layer;
    layer.quality = word & ((1 << kQualityBits) - 1);
    int64_t width = 0;
    int64_t height = 0;
    if (k == 0) {
      width = static_cast<int64_t>(in.varint());
      height = static_cast<int64_t>(in.varint());
    } else {
      const Size below = header.layers.back().size;
      const int nibbles = in.u8();
      width = read_side(in, nibbles >> 4, below.width);
      height = read_side(in, nibbles & 15, below.height);
      if ((word & kOwnQualities) != 0)
        layer.quality = static_cast<int>(std::min<uint64_t>(in.varint(), 0xFFFF));
    }
    if (in.is_short()) break;  // what was read is not what the file says
    if (width > kMaxSide || height > kMaxSide)
      return bad("layer " + std::to_string(k) + " is impossibly large");
    layer.size = {static_cast<int>(width), static_cast<int>(height)};
    if ((word & kQualityMaps) != 0) {
      layer.map_bytes = in.varint();
      if (layer.map_bytes > 0) layer.map_checksum = in.u32();
    }
    layer.bytes = in.varint();
    if (is_tiled(layer.size)) layer.index_bytes = in.varint();
    layer.checksum = in.u32();
    if (header.kinds.alpha) {
      layer.alpha.bytes = in.varint();
      if (has_alpha_index(layer.size, layer.alpha.bytes)) layer.alpha.index_bytes = in.varint();
      layer.alpha.checksum = in.u32();
    }
    header.layers.push_back(layer);
  }
  return {};
}

}  // namespace

Result<HeaderParse> parse_header(std::span<const uint8_t> bytes, const ContainerLimits& limits) {
  const size_t seen = std::min(bytes.size(), kSignature.size());
  if (!std::equal(kSignature.begin(), kSignature.begin() + seen, bytes.begin())) {
    return Error{ErrorCode::kBadFile, "not a .cmps file: it does not begin with the signature"};
  }
  ByteReader in(bytes);
  in.take(kSignature.size());
  ContainerHeader header;
  const uint8_t version = in.u8();
  if (!in.is_short() && version >> 4 != kMajorVersion) {
    return bad("format version " + std::to_string(version >> 4) + "; this program reads version " +
               std::to_string(kMajorVersion));
  }
  header.minor_version = version & 15;
  const auto model = in.take(header.decoder.size());
  std::copy(model.begin(), model.end(), header.decoder.begin());
  const size_t count = in.u8();
  if (!in.is_short() && count == 0) return bad("the file has no layers");
  in.reserve(sizeof(uint16_t) + count * kMinLayerBytes + 1 + kChecksumBytes);  // the least that can follow
  const uint16_t word = in.u16();
  if ((word & kOtherStreams) != 0) {
    return bad("its layers are coded in a way that this program does not know");
  }
  if ((word & kHasKinds) != 0) {
    if (Status s = read_kinds(in, header.kinds); !s) return s.error();
  }
  if ((word & kHasMetadata) != 0) {
    if (Status s = read_metadata_table(in, header); !s) return s.error();
  }
  if (Status s = read_layer_table(in, count, word, header); !s) return s.error();
  if ((word & kHasExtension) != 0) {
    const uint64_t extension = in.varint();
    if (extension > kMaxExtensionBytes) return bad("its extension is impossibly long");
    in.take(extension);
  }
  const size_t covered = in.at();
  const uint32_t stated = in.u32();
  if (in.malformed()) return bad("a number is malformed");
  if (in.is_short()) return HeaderParse{{}, in.need()};
  if (checksum(bytes.first(covered)) != stated)
    return bad("its checksum is wrong: the file is damaged, get a whole copy");
  if (Status s = check_header(header, ErrorCode::kBadFile); !s) return s.error();
  header.bytes = in.at();
  place(header);
  if (Status s = check_limits(header, limits); !s) return s.error();
  return HeaderParse{std::move(header), 0};
}

Result<std::vector<uint8_t>> serialise_header(const ContainerHeader& header) {
  if (Status s = check_header(header, ErrorCode::kUsage); !s) return s.error();
  const auto& layers = header.layers;
  const int quality = layers.front().quality;
  const bool own_qualities =
      std::ranges::any_of(layers, [quality](const LayerEntry& layer) { return layer.quality != quality; });
  const bool maps = std::ranges::any_of(layers, [](const LayerEntry& layer) { return layer.map_bytes > 0; });
  ByteWriter out;
  out.append(kSignature);
  out.u8(static_cast<uint8_t>(kMajorVersion << 4 | kMinorVersion));
  out.append(header.decoder);
  out.u8(static_cast<uint8_t>(layers.size()));
  const uint8_t kinds = byte_of(header.kinds);
  out.u16(static_cast<uint16_t>(quality | (own_qualities ? kOwnQualities : 0) | (maps ? kQualityMaps : 0) |
                                (header.metadata.empty() ? 0 : kHasMetadata) | (kinds == 0 ? 0 : kHasKinds)));
  if (kinds != 0) out.u8(kinds);
  if (!header.metadata.empty()) {
    out.varint(header.metadata.size());
    for (const MetadataEntry& chunk : header.metadata) {
      out.varint(chunk.type);
      out.varint(chunk.bytes);
    }
    out.u32(header.metadata_checksum);
  }
  for (size_t k = 0; k < layers.size(); ++k) {
    const Size size = layers[k].size;
    if (k == 0) {
      out.varint(size.width);
      out.varint(size.height);
    } else {
      const Size below = layers[k - 1].size;
      const int64_t w = side_nibble(size.width, below.width);
      const int64_t h = side_nibble(size.height, below.height);
      out.u8(static_cast<uint8_t>(w << 4 | h));
      if (w == kNibbleEscape) out.varint(size.width - below.width);
      if (h == kNibbleEscape) out.varint(size.height - below.height);
      if (own_qualities) out.varint(layers[k].quality);
    }
    if (maps) {
      out.varint(layers[k].map_bytes);
      if (layers[k].map_bytes > 0) out.u32(layers[k].map_checksum);
    }
    out.varint(layers[k].bytes);
    if (is_tiled(layers[k].size)) out.varint(layers[k].index_bytes);
    out.u32(layers[k].checksum);
    if (!header.kinds.alpha) continue;
    out.varint(layers[k].alpha.bytes);
    if (layers[k].alpha.index_bytes > 0) out.varint(layers[k].alpha.index_bytes);
    out.u32(layers[k].alpha.checksum);
  }
  out.u32(checksum(out.bytes()));
  return std::move(out.bytes());
}

}  // namespace compass
