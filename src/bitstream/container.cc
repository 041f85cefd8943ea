#include "bitstream/container.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

namespace compass {
namespace {

// Whether `payload` is what lies there. Error: kDamaged.
Status verify(const std::string& name, uint64_t offset, uint64_t bytes, uint32_t stated,
              std::span<const uint8_t> payload) {
  const std::string place = name + " (" + std::to_string(bytes) + " bytes at " + std::to_string(offset) + ")";
  if (payload.size() != bytes) {
    return Error{ErrorCode::kDamaged,
                 place + " is cut off after " + std::to_string(payload.size()) + " bytes"};
  }
  if (checksum(payload) != stated) {
    return Error{ErrorCode::kDamaged, place + " is damaged: wrong checksum"};
  }
  return {};
}

}  // namespace

uint32_t checksum(std::span<const uint8_t> bytes) {
  return XXH32(bytes.data(), bytes.size(), 0);
}

Result<std::vector<uint8_t>> write_container(const ContainerContents& contents) {
  ContainerHeader header;
  header.model = contents.model;
  header.kinds = contents.kinds;
  std::vector<uint8_t> metadata;
  for (const MetadataChunk& chunk : contents.metadata) {
    header.metadata.push_back({chunk.type, chunk.bytes.size(), 0});
    metadata.insert(metadata.end(), chunk.bytes.begin(), chunk.bytes.end());
  }
  if (!contents.metadata.empty()) header.metadata_checksum = checksum(metadata);
  for (const LayerPayload& layer : contents.layers) {
    const AlphaStream& alpha = layer.alpha;
    const std::span<const uint8_t> checked(alpha.bytes.data(),
                                           alpha.index_bytes > 0 ? alpha.index_bytes : alpha.bytes.size());
    header.layers.push_back({layer.size,
                             layer.quality,
                             layer.bytes.size(),
                             checksum(layer.bytes),
                             0,
                             {alpha.bytes.size(), alpha.index_bytes, checksum(checked)}});
    if (alpha.bytes.empty()) header.layers.back().alpha = {};
  }
  auto file = serialise_header(header);
  if (!file) return file;
  file->insert(file->end(), metadata.begin(), metadata.end());
  for (const LayerPayload& layer : contents.layers) {
    file->insert(file->end(), layer.bytes.begin(), layer.bytes.end());
    file->insert(file->end(), layer.alpha.bytes.begin(), layer.alpha.bytes.end());
  }
  return file;
}

int whole_layers(const ContainerHeader& header, uint64_t available) {
  const auto first_cut = std::ranges::find_if(
      header.layers, [available](const LayerEntry& layer) { return layer.end() > available; });
  return static_cast<int>(first_cut - header.layers.begin());
}

Status verify_layer(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  return verify("layer " + std::to_string(k), layer.offset, layer.bytes, layer.checksum, payload);
}

Result<std::vector<AlphaBlock>> read_alpha_index(const ContainerHeader& header, int k,
                                                 std::span<const uint8_t> bytes) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  if (Status s = verify(name + ": the index of its alpha", layer.alpha_offset(), layer.alpha.index_bytes,
                        layer.alpha.checksum, bytes);
      !s) {
    return s.error();
  }
  auto blocks = parse_alpha_index(layer.size, layer.alpha, bytes);
  if (!blocks) return Error{blocks.error().code, name + ": " + blocks.error().message};
  return blocks;
}

Status verify_alpha_block(const ContainerHeader& header, int k, const AlphaBlock& block,
                          std::span<const uint8_t> payload) {
  return verify("layer " + std::to_string(k) + ": a block of its alpha",
                header.layers[k].alpha_offset() + block.offset, block.bytes, block.checksum, payload);
}

Status verify_alpha(const ContainerHeader& header, int k, std::span<const uint8_t> payload) {
  const LayerEntry& layer = header.layers[k];
  const std::string name = "layer " + std::to_string(k);
  if (layer.alpha.index_bytes == 0 || payload.size() != layer.alpha.bytes) {
    if (!header.kinds.alpha) return Error{ErrorCode::kDamaged, name + " has no alpha"};
    return verify(name + ": its alpha", layer.alpha_offset(), layer.alpha.bytes, layer.alpha.checksum,
                  payload);
  }
  const auto blocks = read_alpha_index(header, k, payload.first(layer.alpha.index_bytes));
  if (!blocks) return blocks.error();
  for (const AlphaBlock& block : *blocks) {
    if (Status s = verify_alpha_block(header, k, block, payload.subspan(block.offset, block.bytes)); !s)
      return s;
  }
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
  const auto metadata = from(header.bytes, header.layers.front().offset);
  if (const auto chunks = read_metadata(header, metadata); !chunks) return chunks.error();
  for (int k = 0; k < layers; ++k) {
    const LayerEntry& layer = header.layers[k];
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
