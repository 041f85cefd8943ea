#include "bitstream/container.h"

#include <xxhash.h>

#include <algorithm>
#include <string>
#include <utility>

namespace compass {

uint32_t checksum(std::span<const uint8_t> bytes) {
  return XXH32(bytes.data(), bytes.size(), 0);
}

namespace {

// What of a layer's stream the header's checksum covers.
std::span<const uint8_t> checked_part(Size size, uint64_t index_bytes, std::span<const uint8_t> stream) {
  return is_tiled(size) ? stream.first(std::min<uint64_t>(index_bytes, stream.size())) : stream;
}

// Whether bytes that `what` names and that ought to lie at `range` do.
Status verify(const std::string& what, ByteRange range, uint32_t sum, std::span<const uint8_t> bytes) {
  const std::string place =
      what + " (" + std::to_string(range.bytes) + " bytes at " + std::to_string(range.offset) + ")";
  if (bytes.size() != range.bytes) {
    return Error{ErrorCode::kDamaged, place + " is cut off after " + std::to_string(bytes.size()) + " bytes"};
  }
  if (checksum(bytes) == sum) return {};
  return Error{ErrorCode::kDamaged, place + " is damaged: wrong checksum"};
}

// What the layer table says about that alpha.
AlphaEntry entry_of(const LayerStream& alpha) {
  if (alpha.bytes.empty()) return {};
  const std::span<const uint8_t> all(alpha.bytes);
  const auto checked = alpha.index_bytes > 0 ? all.first(alpha.index_bytes) : all;
  return {alpha.bytes.size(), alpha.index_bytes, checksum(checked)};
}

}  // namespace

Result<std::vector<uint8_t>> write_container(const ContainerContents& contents) {
  ContainerHeader header;
  header.decoder = contents.decoder;
  header.kinds = contents.kinds;
  std::vector<uint8_t> metadata;
  for (const MetadataChunk& chunk : contents.metadata) {
    header.metadata.push_back({chunk.type, chunk.bytes.size(), 0});
    metadata.insert(metadata.end(), chunk.bytes.begin(), chunk.bytes.end());
  }
  if (!contents.metadata.empty()) header.metadata_checksum = checksum(metadata);
  std::vector<std::vector<uint8_t>> maps;
  for (const LayerPayload& layer : contents.layers) {
    auto map = serialise_quality_map(layer.map, layer.size);
    if (!map) return map.error();
    const LayerStream& stream = layer.stream;
    header.layers.push_back({.size = layer.size,
                             .quality = layer.quality,
                             .map_bytes = map->size(),
                             .map_checksum = map->empty() ? 0 : checksum(*map),
                             .bytes = stream.bytes.size(),
                             .checksum = checksum(checked_part(layer.size, stream.index_bytes, stream.bytes)),
                             .index_bytes = stream.index_bytes,
                             .alpha = entry_of(layer.alpha)});
    maps.push_back(*std::move(map));
  }
  auto file = serialise_header(header);
  if (!file) return file;
  file->insert(file->end(), metadata.begin(), metadata.end());
  for (size_t k = 0; k < contents.layers.size(); ++k) {
    const LayerPayload& layer = contents.layers[k];
    for (const std::vector<uint8_t>* part :
         {&std::as_const(maps[k]), &layer.stream.bytes, &layer.alpha.bytes}) {
      file->insert(file->end(), part->begin(), part->end());
    }
  }
  return file;
}

int whole_layers(const ContainerHeader& header, uint64_t available) {
  const auto first_cut = std::ranges::find_if(
      header.layers, [available](const LayerEntry& layer) { return layer.end() > available; });
  return static_cast<int>(first_cut - header.layers.begin());
}

Result<QualityMap> read_quality_map(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  const ByteRange range{layer.begin(), layer.map_bytes};
  if (layer.map_bytes > 0 || !payload.empty()) {
    if (const Status s = verify(name + ": its quality map", range, layer.map_checksum, payload); !s)
      return s.error();
  }
  auto map = parse_quality_map(payload, layer.size);
  if (!map) return Error{ErrorCode::kDamaged, name + ": " + map.error().message};
  return map;
}

Status verify_layer(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  const ByteRange all{layer.offset, layer.bytes};
  if (!is_tiled(layer.size) || payload.size() != layer.bytes) {
    return verify(name, all, layer.checksum, payload);
  }
  const auto index = read_index(header, k, payload.first(layer.index_bytes));
  if (!index) return index.error();
  for (const auto* blocks : {&index->z, &index->y}) {
    for (const BlockEntry& block : *blocks) {
      const auto bytes = payload.subspan(block.range.offset - layer.offset, block.range.bytes);
      if (const Status s = verify_block(block, bytes); !s) {
        return Error{s.error().code, name + ": " + s.error().message};
      }
    }
  }
  return {};
}

Result<std::vector<BlockEntry>> read_alpha_index(const ContainerHeader& header, int k,
                                                 std::span<const uint8_t> bytes) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  const std::string what = name + ": the index of its alpha";
  if (const Status s = verify(what, layer.alpha_index(), layer.alpha.checksum, bytes); !s) return s.error();
  auto blocks = parse_alpha_index(layer, bytes);
  if (!blocks) return Error{blocks.error().code, name + ": " + blocks.error().message};
  return blocks;
}

Status verify_alpha(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  if (!header.kinds.alpha) return Error{ErrorCode::kDamaged, name + " has no alpha"};
  if (layer.alpha.index_bytes == 0 || payload.size() != layer.alpha.bytes) {
    return verify(name + ": its alpha", layer.all_alpha(), layer.alpha.checksum, payload);
  }
  const auto blocks = read_alpha_index(header, k, payload.first(layer.alpha.index_bytes));
  if (!blocks) return blocks.error();
  for (const BlockEntry& block : *blocks) {
    const auto bytes = payload.subspan(block.range.offset - layer.alpha_offset(), block.range.bytes);
    if (const Status s = verify_block(block, bytes); !s) {
      return Error{s.error().code, name + ": its alpha: " + s.error().message};
    }
  }
  return {};
}

Result<BlockIndex> read_index(const ContainerHeader& header, int k, std::span<const uint8_t> bytes) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  if (const Status s = verify(name + ": its index", layer.index(), layer.checksum, bytes); !s) {
    return s.error();
  }
  auto index = parse_block_index(layer, bytes);
  if (!index) return Error{index.error().code, name + ": " + index.error().message};
  return index;
}

Status verify_block(const BlockEntry& block, std::span<const uint8_t> payload) {
  return verify("a block", block.range, block.checksum, payload);
}

Result<std::vector<MetadataChunk>> read_metadata(const ContainerHeader& header,
                                                 std::span<const uint8_t> block) {
  if (header.metadata.empty()) return std::vector<MetadataChunk>{};
  if (block.size() != header.metadata_bytes()) return Error{ErrorCode::kDamaged, "the metadata is cut off"};
  if (checksum(block) != header.metadata_checksum) {
    return Error{ErrorCode::kDamaged, "the metadata is damaged: wrong checksum"};
  }
  std::vector<MetadataChunk> chunks;
  for (const MetadataEntry& entry : header.metadata) {
    const auto bytes = block.subspan(entry.offset - header.bytes, entry.bytes);
    chunks.push_back({entry.type, {bytes.begin(), bytes.end()}});
  }
  return chunks;
}

Result<std::vector<uint8_t>> extract_layers(std::span<const uint8_t> file, int layers,
                                            const ContainerLimits& limits) {
  const auto parsed = parse_header(file, limits);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kDamaged, "the file ends within its header"};
  ContainerHeader header = *parsed->header;
  const auto held = static_cast<int>(header.layers.size());
  if (layers < 1 || layers > held) {
    return Error{ErrorCode::kUsage, "the file has " + std::to_string(held) + " layers, so 1 to " +
                                        std::to_string(held) + " can be kept, not " + std::to_string(layers)};
  }
  // The first byte past the metadata is layer 0's.
  const uint64_t available = std::min<uint64_t>(file.size(), header.file_bytes());
  const auto from = [&](uint64_t begin, uint64_t end) {
    return file.subspan(std::min(begin, available), std::min(end, available) - std::min(begin, available));
  };
  const auto metadata = from(header.bytes, header.layers.front().begin());
  if (const auto chunks = read_metadata(header, metadata); !chunks) return chunks.error();
  for (int k = 0; k < layers; ++k) {
    const LayerEntry& layer = header.layers[k];
    if (const auto map = read_quality_map(header, k, from(layer.begin(), layer.offset)); !map)
      return map.error();
    if (Status s = verify_layer(header, k, from(layer.offset, layer.alpha_offset())); !s) return s.error();
    if (!header.kinds.alpha) continue;
    if (Status s = verify_alpha(header, k, from(layer.alpha_offset(), layer.end())); !s) return s.error();
  }
  header.layers.resize(layers);
  auto out = serialise_header(header);
  if (!out) return out;
  const auto kept = from(header.bytes, header.layers.back().end());
  out->insert(out->end(), kept.begin(), kept.end());
  return out;
}

}  // namespace compass
