#include "bitstream/append.h"

#include <algorithm>
#include <limits>
#include <string>

namespace compass {
namespace {

PictureKinds only_alpha(const ContainerHeader& header) {
  PictureKinds kinds;
  kinds.alpha = header.kinds.alpha;
  return kinds;
}

}  // namespace

Result<std::vector<uint8_t>> append_layer(std::span<const uint8_t> file, const LayerPayload& layer) {
  ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<uint64_t>::max();
  limits.max_metadata_bytes = std::numeric_limits<uint64_t>::max();
  const auto parsed = parse_header(file, limits);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kDamaged, "the file ends within its header"};
  ContainerHeader header = *parsed->header;
  if (file.size() < header.file_bytes()) {
    return Error{ErrorCode::kDamaged, "the file ends after " + std::to_string(file.size()) + " of its " +
                                          std::to_string(header.file_bytes()) + " bytes"};
  }
  const auto kept = file.subspan(header.bytes, header.file_bytes() - header.bytes);

  // The layer's entry and bytes are those of a file that holds nothing else.
  const auto alone =
      write_container({.decoder = header.decoder, .layers = {layer}, .kinds = only_alpha(header)});
  if (!alone) return alone.error();
  const auto alone_parsed = parse_header(*alone, limits);
  if (!alone_parsed) return alone_parsed.error();
  const ContainerHeader& own = *alone_parsed->header;
  header.layers.push_back(own.layers.front());
  auto out = serialise_header(header);
  if (!out) return out;
  out->insert(out->end(), kept.begin(), kept.end());
  out->insert(out->end(), alone->begin() + static_cast<std::ptrdiff_t>(own.bytes), alone->end());
  return out;
}

uint64_t header_growth(const ContainerHeader& header, std::span<const Size> further) {
  constexpr uint64_t kAlpha = 4 + 3 + 4;  // of an entry: its bytes, the index's, the checksum
  const bool has_alpha = header.kinds.alpha;
  ContainerHeader plain = header;
  plain.kinds.alpha = false;
  for (LayerEntry& layer : plain.layers) layer.alpha = {};
  const auto before = serialise_header(plain);
  const bool maps =
      std::ranges::any_of(plain.layers, [](const LayerEntry& layer) { return layer.map_bytes > 0; });
  for (const Size size : further) {
    LayerEntry entry{.size = size,
                     .quality = plain.layers.front().quality == kMaxQuality ? kMaxQuality - 1 : kMaxQuality};
    if (maps) entry.map_bytes = max_quality_map_bytes(size);
    entry.index_bytes = kMaxBlockEntryBytes * static_cast<uint64_t>(listed_blocks(size));
    entry.bytes = static_cast<uint64_t>(size.pixels()) + entry.index_bytes;
    plain.layers.push_back(entry);
  }
  const auto after = serialise_header(plain);
  if (!before || !after) return 0;  // there is no such file
  return after->size() - before->size() + (has_alpha ? kAlpha * further.size() : 0);
}

}  // namespace compass
