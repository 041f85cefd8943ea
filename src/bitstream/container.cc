#include "bitstream/container.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

namespace compass {

uint32_t checksum(std::span<const uint8_t> bytes) {
  return XXH32(bytes.data(), bytes.size(), 0);
}

Result<std::vector<uint8_t>> write_container(const ContainerContents& contents) {
  ContainerHeader header;
  header.decoder = contents.decoder;
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
    LayerEntry entry{.size = layer.size, .quality = layer.quality};
    entry.map_bytes = map->size();
    if (!map->empty()) entry.map_checksum = checksum(*map);
    entry.bytes = layer.bytes.size();
    entry.checksum = checksum(layer.bytes);
    header.layers.push_back(entry);
    maps.push_back(*std::move(map));
  }
  auto file = serialise_header(header);
  if (!file) return file;
  file->insert(file->end(), metadata.begin(), metadata.end());
  for (size_t k = 0; k < contents.layers.size(); ++k) {
    file->insert(file->end(), maps[k].begin(), maps[k].end());
    file->insert(file->end(), contents.layers[k].bytes.begin(), contents.layers[k].bytes.end());
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
  const auto damaged = [k](const std::string& what) {
    return Error{ErrorCode::kDamaged, "layer " + std::to_string(k) + ": " + what};
  };
  if (payload.size() != layer.map_bytes) return damaged("the quality map is cut off");
  if (layer.map_bytes > 0 && checksum(payload) != layer.map_checksum) {
    return damaged("the quality map is damaged: wrong checksum");
  }
  auto map = parse_quality_map(payload, layer.size);
  if (!map) return damaged(map.error().message);
  return map;
}

Status verify_layer(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  const std::string place = "layer " + std::to_string(k) + " (" + std::to_string(layer.bytes) + " bytes at " +
                            std::to_string(layer.offset) + ")";
  if (payload.size() != layer.bytes) {
    return Error{ErrorCode::kDamaged,
                 place + " is cut off after " + std::to_string(payload.size()) + " bytes"};
  }
  if (checksum(payload) != layer.checksum)
    return Error{ErrorCode::kDamaged, place + " is damaged: wrong checksum"};
  return {};
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
    if (Status s = verify_layer(header, k, from(layer.offset, layer.end())); !s) return s.error();
  }
  header.layers.resize(layers);
  auto out = serialise_header(header);
  if (!out) return out;
  const auto kept = from(header.bytes, header.layers.back().end());
  out->insert(out->end(), kept.begin(), kept.end());
  return out;
}

}  // namespace compass
