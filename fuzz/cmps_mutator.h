// Files for fuzzers of the whole decoder, with the tiny model. Mutations know the container: they change
// layers' streams, sizes, qualities and metadata and write the file anew, checksums included, so that what
// they changed reaches entropy decoding and the networks; of tiled layers, also the blocks one by one. One in
// eight is a mutation of the plain bytes.
//
// Included once by each program, whose mutator this is.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "codec/decoder.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace compass;

constexpr int64_t kMaxPixels = 128 * 128;  // of a layer, and of all layers: a run must take milliseconds
constexpr size_t kMaxStream = 1024;

void require(bool holds) {
  if (!holds) std::abort();
}

const std::shared_ptr<const Model>& model() {
  static const auto model = *Model::load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors");
  return model;
}

bool small_enough(std::span<const uint8_t> file) {
  const auto parsed = parse_header(file, {.max_pixels = kMaxPixels});
  if (!parsed.ok() || !parsed->header) return true;  // costs nothing
  int64_t pixels = 0;
  for (const auto& layer : parsed->header->layers) pixels += layer.size.pixels();
  return pixels <= kMaxPixels;
}

// The file's parts; nothing if it is not whole.
std::optional<ContainerContents> contents_of(std::span<const uint8_t> file) {
  const auto parsed = parse_header(file);
  if (!parsed.ok() || !parsed->header || parsed->header->file_bytes() > file.size()) return std::nullopt;
  const ContainerHeader& header = *parsed->header;
  ContainerContents contents;
  contents.decoder = header.decoder;
  contents.kinds = header.kinds;
  for (const auto& layer : header.layers) {
    const auto bytes = file.subspan(layer.offset, layer.bytes);
    const auto alpha = file.subspan(layer.alpha_offset(), layer.alpha.bytes);
    contents.layers.push_back({.size = layer.size,
                               .quality = layer.quality,
                               .stream = {{bytes.begin(), bytes.end()}, layer.index_bytes},
                               .alpha = {{alpha.begin(), alpha.end()}, layer.alpha.index_bytes}});
  }
  for (const auto& chunk : header.metadata) {
    const auto bytes = file.subspan(chunk.offset, chunk.bytes);
    contents.metadata.push_back({chunk.type, {bytes.begin(), bytes.end()}});
  }
  return contents;
}

void mutate_bytes(std::vector<uint8_t>& bytes, size_t most) {
  const size_t size = std::min(bytes.size(), most);
  bytes.resize(most);
  bytes.resize(LLVMFuzzerMutate(bytes.data(), size, most));
}

// The stream that a layer of another size, or of mutated blocks, has: an index that fits, and as many blocks
// as it needs, of those that there were.
void mutate_blocks(LayerPayload& layer, std::minstd_rand& random) {
  const auto split = [&]() -> std::vector<std::vector<uint8_t>> {
    const std::span<const uint8_t> stream = layer.stream.bytes;
    const LayerEntry entry{
        .size = layer.size, .bytes = stream.size(), .index_bytes = layer.stream.index_bytes};
    if (entry.index_bytes == 0 || entry.index_bytes > stream.size()) return {layer.stream.bytes};
    const auto index = parse_block_index(entry, stream.first(entry.index_bytes));
    if (!index.ok()) return {layer.stream.bytes};
    std::vector<std::vector<uint8_t>> blocks;
    for (const auto* entries : {&index->z, &index->y}) {
      for (const BlockEntry& block : *entries) {
        const auto bytes = stream.subspan(block.range.offset, block.range.bytes);
        blocks.emplace_back(bytes.begin(), bytes.end());
      }
    }
    return blocks;
  };
  auto blocks = split();
  mutate_bytes(blocks[random() % blocks.size()], kMaxStream / 4);
  if (random() % 4 == 0) std::swap(blocks[random() % blocks.size()], blocks[random() % blocks.size()]);
  const auto z = static_cast<size_t>(hyper_grid(layer.size).pixels());
  while (blocks.size() < static_cast<size_t>(listed_blocks(layer.size))) {
    blocks.push_back(blocks[random() % blocks.size()]);
  }
  blocks.resize(listed_blocks(layer.size));
  layer.stream = join_blocks(std::span(blocks).first(z), std::span(blocks).subspan(z));
}

// Alpha that a layer of that size can have: of large layers an index, and blocks cut from the bytes at hand.
void fit_alpha(LayerPayload& layer, std::minstd_rand& random) {
  LayerStream& alpha = layer.alpha;
  const auto count = static_cast<size_t>(alpha_grid(layer.size).pixels());
  const bool indexed = has_alpha_index(layer.size, alpha.bytes.size());
  const auto blocks = std::span(alpha.bytes).subspan(std::min(alpha.index_bytes, alpha.bytes.size()));
  if (indexed) {
    std::vector<std::vector<uint8_t>> cut(count, {static_cast<uint8_t>(random())});
    for (size_t i = 0; i < count && !blocks.empty(); ++i) {
      const size_t from = random() % blocks.size();
      const auto block = blocks.subspan(from, 1 + random() % (blocks.size() - from));
      cut[i].assign(block.begin(), block.end());
    }
    alpha = join_alpha(cut);
  } else if (alpha.index_bytes > 0) {
    alpha = {{blocks.begin(), blocks.end()}, 0};
  }
  if (alpha.bytes.empty()) alpha.bytes = {static_cast<uint8_t>(random())};
}

void mutate(ContainerContents& contents, std::minstd_rand& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  auto& layers = contents.layers;
  LayerPayload& layer = layers[below(layers.size())];
  switch (below(14)) {
    case 0:
      (below(2) == 0 ? layer.size.width : layer.size.height) += static_cast<int>(below(9)) - 4;
      break;
    case 1:
      (below(2) == 0 ? layer.size.width : layer.size.height) = 1 + static_cast<int>(below(140));
      break;
    case 2:
      layer.quality = static_cast<int>(below(1001));
      break;
    case 3:
      if (layers.size() < 12) layers.push_back(layer);
      break;
    case 4:
      if (layers.size() > 1) layers.erase(layers.begin() + static_cast<ptrdiff_t>(below(layers.size())));
      break;
    case 5:
      contents.metadata.resize(below(3), {MetadataChunk::kExif, {1, 2, 3}});
      for (auto& chunk : contents.metadata) mutate_bytes(chunk.bytes, 32);
      break;
    case 6:
      contents.decoder = {};
      contents.decoder = model()->decoder_id();
      break;
    case 7:  // so long that it is tiled
      layer.size = {1, 4097 + static_cast<int>(below(1000))};
      if (below(2) == 0) std::swap(layer.size.width, layer.size.height);
      break;
    case 8:
      contents.kinds.alpha = below(4) != 0;
      break;
    case 9:
      if (contents.kinds.alpha) mutate_bytes(layer.alpha.bytes, kMaxStream);
      break;
    case 10:
      contents.kinds.grey = below(2) == 0;
      contents.kinds.deep = below(2) == 0;
      break;
    default:
      if (is_tiled(layer.size) && below(4) > 0) {
        mutate_blocks(layer, random);
      } else {
        mutate_bytes(layer.stream.bytes, kMaxStream);
      }
  }
  // No side may shrink from one layer to the next.
  for (size_t k = 0; k < layers.size(); ++k) {
    Size& size = layers[k].size;
    const Size least = k > 0 ? layers[k - 1].size : Size{1, 1};
    size = {std::max(size.width, least.width), std::max(size.height, least.height)};
    LayerStream& stream = layers[k].stream;
    if (!is_tiled(size)) {
      stream.index_bytes = 0;
    } else if (stream.index_bytes == 0) {
      mutate_blocks(layers[k], random);
    }
    if (!contents.kinds.alpha) {
      layers[k].alpha = {};
    } else if (!is_possible(size, {layers[k].alpha.bytes.size(), layers[k].alpha.index_bytes, 0})) {
      fit_alpha(layers[k], random);
    }
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed) {
  std::minstd_rand random(seed + 1);
  auto contents = contents_of({data, size});
  if (!contents || random() % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  mutate(*contents, random);
  const auto file = write_container(*contents);
  if (!file.ok() || file->size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, file->data(), file->size());
  return file->size();
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* a, size_t a_size, const uint8_t* b, size_t b_size,
                                            uint8_t* out, size_t max_size, unsigned int seed) {
  std::minstd_rand random(seed + 1);
  auto contents = contents_of({a, a_size});
  const auto other = contents_of({b, b_size});
  if (!contents || !other) return 0;
  LayerPayload& layer = contents->layers[random() % contents->layers.size()];
  layer.stream = other->layers[random() % other->layers.size()].stream;
  if (!is_tiled(layer.size)) layer.stream.index_bytes = 0;
  const auto file = write_container(*contents);
  if (!file.ok() || file->size() > max_size) return 0;
  std::memcpy(out, file->data(), file->size());
  return file->size();
}
