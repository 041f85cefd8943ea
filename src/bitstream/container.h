// The `.cmps` file: where its bytes lie and what they claim. Bytes only: no pixels, no networks.
// docs/bitstream.md is the specification.
//
//   header (signature, version, decoder, layer table, checksum) | metadata | layer 0 | layer 1 | ...
//   layer: quality map, if it has one | stream
//
// Writing:  bytes = write_container({decoder, layers, metadata})
// Reading:  parsed = parse_header(first_bytes);  while it has no header, parse again with parsed->need bytes;
//           then any layer k's stream lies at header.layers[k].offset, and verify_layer checks what was read;
//           of a tiled layer (bitstream/blocks.h) read_index says where its blocks lie, and verify_block
//           checks one.
// A prefix that ends where a layer ends is a valid, smaller picture: whole_layers says how many it holds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bitstream/alpha_blocks.h"
#include "bitstream/blocks.h"
#include "bitstream/quality_map.h"
#include "core/result.h"
#include "core/size.h"

namespace compass {

// Which decoder a file is for: the id of those parts of its model that decoding needs (model_file/model.h).
using DecoderId = std::array<uint8_t, 8>;

// Information about the picture that decoding does not need, carried along unread.
struct MetadataChunk {
  static constexpr uint32_t kIcc = 1;   // the original's ICC profile (pixels are sRGB, but see PictureKinds)
  static constexpr uint32_t kExif = 2;  // Exif, from its TIFF header on; orientation already applied
  static constexpr uint32_t kXmp = 3;   // XMP, UTF-8
  static constexpr uint32_t kIptc = 4;  // IPTC records (IIM)
  uint32_t type = 0;                    // other types are kept and passed over
  std::vector<uint8_t> bytes;
  bool operator==(const MetadataChunk&) const = default;
};

// What a picture is beside three colours of 8 bits in sRGB.
struct PictureKinds {
  bool alpha = false;        // every layer has a plane of alpha
  bool grey = false;         // red, green and blue of the original are the same
  bool deep = false;         // its samples have more than 8 bits
  bool own_colours = false;  // samples are those of the colour space whose ICC profile the file carries
  bool operator==(const PictureKinds&) const = default;
};

struct LayerEntry {
  Size size;
  int quality = 0;            // tenths: 0..1000
  uint64_t map_bytes = 0;     // length of its quality map, which precedes the stream; 0: none
  uint32_t map_checksum = 0;  // of the map; 0 if there is none
  uint64_t bytes = 0;         // length of the layer's stream
  uint32_t checksum = 0;      // of the layer's stream, or of its index alone if it has one
  uint64_t offset = 0;        // of the stream, from the file's first byte
  // Length of the index that a tiled layer's stream begins with; 0 for all others.
  uint64_t index_bytes = 0;
  AlphaEntry alpha{};  // bytes behind the stream; none where the picture has no alpha
  uint64_t begin() const { return offset - map_bytes; }
  uint64_t alpha_offset() const { return offset + bytes; }
  uint64_t end() const { return alpha_offset() + alpha.bytes; }
  ByteRange index() const { return {offset, index_bytes}; }
  ByteRange all_alpha() const { return {alpha_offset(), alpha.bytes}; }
  ByteRange alpha_index() const { return {alpha_offset(), alpha.index_bytes}; }
  bool operator==(const LayerEntry&) const = default;
};

struct MetadataEntry {
  uint32_t type = 0;
  uint64_t bytes = 0;
  uint64_t offset = 0;  // from the file's first byte
  bool operator==(const MetadataEntry&) const = default;
};

struct ContainerHeader {
  int minor_version = 0;
  DecoderId decoder{};
  PictureKinds kinds;
  std::vector<LayerEntry> layers;  // 1 to 255, the base layer first; no side shrinks from one to the next
  std::vector<MetadataEntry> metadata;
  uint32_t metadata_checksum = 0;  // of all chunks together; 0 if there are none
  uint64_t bytes = 0;              // length of the header itself

  uint64_t metadata_bytes() const { return layers.front().begin() - bytes; }
  uint64_t file_bytes() const { return layers.back().end(); }
  bool operator==(const ContainerHeader&) const = default;
};

// Limits that a reader sets on files. Exceeding one is kBadFile, found before anything is allocated.
struct ContainerLimits {
  uint64_t max_pixels = 400'000'000;  // of one layer
  int max_layers = 255;
  uint64_t max_metadata_bytes = uint64_t{64} << 20;
};

// No header is longer; reading more than this to find one is never needed.
inline constexpr size_t kMaxHeaderBytes = size_t{24} << 10;
// Enough for most: a reader that fetches blindly should begin with this much.
inline constexpr size_t kUsualHeaderBytes = 1024;
inline constexpr size_t kMaxLayerCount = 255;
inline constexpr int kMaxQuality = 1000;
inline constexpr size_t kMaxMetadataCount = 64;

// A header, or how many of the file's first bytes parse_header needs to find one.
struct HeaderParse {
  std::optional<ContainerHeader> header;
  size_t need = 0;  // more than were given, and never more than the header's real length
};

// Parses the header from the file's first bytes (any number of them; what follows the header is not
// read). Errors: kBadFile (not a .cmps file, a later major version, damaged, or over a limit).
Result<HeaderParse> parse_header(std::span<const uint8_t> bytes, const ContainerLimits& limits = {});

// The header's bytes; offsets and `bytes` of the argument are ignored. Errors: kUsage if the header is not
// one that parse_header would accept (without limits).
Result<std::vector<uint8_t>> serialise_header(const ContainerHeader& header);

struct LayerPayload {
  Size size;
  int quality = 0;  // tenths: 0..1000
  LayerStream stream;
  QualityMap map{};
  LayerStream alpha{};
};

struct ContainerContents {
  DecoderId decoder{};
  std::vector<LayerPayload> layers;
  std::vector<MetadataChunk> metadata;
  PictureKinds kinds;
};

// A whole file. Errors: kUsage (see serialise_header).
Result<std::vector<uint8_t>> write_container(const ContainerContents& contents);

// XXH32 with seed 0: the checksum of headers, layers and metadata.
uint32_t checksum(std::span<const uint8_t> bytes);

// How many layers, from the base layer on, the first `available` bytes of the file hold whole.
int whole_layers(const ContainerHeader& header, uint64_t available);

// Layer k's quality map; `payload` is what lies at [begin, offset). Errors: kDamaged.
Result<QualityMap> read_quality_map(const ContainerHeader& header, int k, std::span<const uint8_t> payload);

// Whether `payload` is layer k's stream, undamaged. Errors: kDamaged, saying which layer and where.
Status verify_layer(const ContainerHeader& header, int k, std::span<const uint8_t> payload);

// The index of the tiled layer k from its bytes. Errors: kDamaged, saying which layer and where.
Result<BlockIndex> read_index(const ContainerHeader& header, int k, std::span<const uint8_t> bytes);

// Whether `payload` is the block, undamaged. Errors: kDamaged, saying where.
Status verify_block(const BlockEntry& block, std::span<const uint8_t> payload);

// The index of layer k's alpha from its bytes; its blocks are for verify_block, too. Errors: kDamaged, saying
// which layer and where.
Result<std::vector<BlockEntry>> read_alpha_index(const ContainerHeader& header, int k,
                                                 std::span<const uint8_t> bytes);

// Whether `payload` is layer k's alpha, undamaged. Errors: kDamaged, saying which layer and where.
Status verify_alpha(const ContainerHeader& header, int k, std::span<const uint8_t> payload);

// Cuts the metadata block (header.metadata_bytes() bytes, from header.bytes on) into chunks. Errors:
// kDamaged.
Result<std::vector<MetadataChunk>> read_metadata(const ContainerHeader& header,
                                                 std::span<const uint8_t> block);

// The file with its first `layers` layers only: a new header, the metadata, and the layers' streams byte for
// byte. Errors: kUsage (not 1 <= layers <= the file's), kBadFile (see parse_header), kDamaged (a layer or the
// metadata is not whole).
Result<std::vector<uint8_t>> extract_layers(std::span<const uint8_t> file, int layers,
                                            const ContainerLimits& limits = {});

}  // namespace compass
