// The header parser and the index of blocks on any bytes. Every other header gets a valid checksum appended,
// and every index one that fits, so that the fuzzer sees past them.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "bitstream/container.h"

namespace {

using namespace compass;

constexpr int64_t kMostPixels = int64_t{1} << 26;  // of a layer whose quality map is read

void require(bool holds) {
  if (!holds) std::abort();
}

// An index, whether its checksum is right or not, lists just the alpha's bytes, or is refused.
void check_alpha(const ContainerHeader& header, int k, std::span<const uint8_t> bytes) {
  const LayerEntry& layer = header.layers[k];
  const bool good = verify_alpha(header, k, bytes).ok();
  if (layer.alpha.index_bytes == 0) return;
  const auto blocks = parse_alpha_index(layer, bytes.first(layer.alpha.index_bytes));
  require(blocks.ok() || !good);
  if (!blocks.ok()) return;
  require(blocks->size() == static_cast<size_t>(alpha_grid(layer.size).pixels()));
  uint64_t at = layer.alpha_index().end();
  for (const BlockEntry& block : *blocks) {
    require(block.range.offset == at && block.range.bytes > 0);
    at += block.range.bytes;
  }
  require(at == layer.end());
}

void check(std::span<const uint8_t> bytes) {
  const auto parsed = parse_header(bytes);
  if (!parsed.ok()) {
    require(parsed.error().code == ErrorCode::kBadFile && !parsed.error().message.empty());
    return;
  }
  if (!parsed->header) {
    require(parsed->need > bytes.size() && parsed->need <= kMaxHeaderBytes);
    return;
  }
  const ContainerHeader& header = *parsed->header;
  require(header.bytes <= bytes.size() && header.bytes <= kMaxHeaderBytes);
  // Nothing but the header matters, and all of it does.
  require(parse_header(bytes.first(header.bytes))->header == header);
  require(!parse_header(bytes.first(header.bytes - 1))->header);
  // What can be read can be written, and reads the same but for what later versions add.
  const auto written = serialise_header(header);
  require(written.ok());
  ContainerHeader again = *parse_header(*written)->header;
  require(again.layers.size() == header.layers.size() && again.metadata.size() == header.metadata.size());
  require(again.kinds == header.kinds);
  for (size_t k = 0; k < again.layers.size(); ++k) {
    again.layers[k].offset = header.layers[k].offset;
    require(again.layers[k] == header.layers[k]);
  }
  const int whole = whole_layers(header, bytes.size());
  require(whole >= 0 && whole <= static_cast<int>(header.layers.size()));
  for (int k = 0; k < whole; ++k) {
    const LayerEntry& layer = header.layers[k];
    (void)verify_layer(header, k, bytes.subspan(layer.offset, layer.bytes)).ok();
    if (header.kinds.alpha) check_alpha(header, k, bytes.subspan(layer.alpha_offset(), layer.alpha.bytes));
    const auto map = bytes.subspan(layer.begin(), layer.map_bytes);
    (void)read_quality_map(header, k, map).ok();
    if (layer.size.pixels() > kMostPixels) continue;
    if (const auto parsed = parse_quality_map(map, layer.size)) {  // without the checksum, which stops most
      const auto again = serialise_quality_map(*parsed, layer.size);
      require(again.ok() && std::equal(again->begin(), again->end(), map.begin(), map.end()));
    }
  }
  for (const int layers : {1, whole, 255}) (void)extract_layers(bytes, layers).ok();
}

// The same of a layer's alpha.
void check_alpha_index(LayerEntry layer, std::span<const uint8_t> index, uint64_t blocks) {
  layer.bytes = 7;
  layer.alpha = {index.size() + blocks, index.size(), checksum(index)};
  const auto parsed = parse_alpha_index(layer, index);
  if (!parsed.ok()) {
    require(parsed.error().code == ErrorCode::kDamaged && !parsed.error().message.empty());
    return;
  }
  require(parsed->size() == static_cast<uint64_t>(alpha_grid(layer.size).pixels()));
  uint64_t at = layer.alpha_index().end();
  std::vector<std::vector<uint8_t>> written;
  for (const BlockEntry& entry : *parsed) {
    require(entry.range.offset == at && entry.range.bytes > 0);
    at = entry.range.end();
    written.emplace_back(entry.range.bytes, static_cast<uint8_t>(written.size()));
  }
  require(at == layer.end() && join_alpha(written).index_bytes == index.size());
}

// As the index of a layer whose size the first bytes say: it is refused, or lists just the layer's bytes.
void check_index(std::span<const uint8_t> bytes) {
  if (bytes.size() < 4) return;
  const auto side = [&](size_t i) { return 1 + bytes[i] + 256 * (bytes[i + 1] % 32); };
  LayerEntry layer{.size = {side(0), side(2)}};
  const auto index = bytes.subspan(4);
  layer.offset = 100;
  if (alpha_grid(layer.size).pixels() > 1) check_alpha_index(layer, index, uint64_t{bytes[0]} + bytes[2]);
  if (!is_tiled(layer.size)) return;
  layer.index_bytes = index.size();
  layer.checksum = checksum(index);
  for (const uint64_t blocks : {uint64_t{0}, uint64_t{bytes[0]} + bytes[1]}) {
    layer.bytes = index.size() + blocks;
    const auto parsed = parse_block_index(layer, index);
    if (!parsed.ok()) {
      require(parsed.error().code == ErrorCode::kDamaged && !parsed.error().message.empty());
      continue;
    }
    require(parsed->z.size() + parsed->y.size() == static_cast<uint64_t>(listed_blocks(layer.size)));
    std::vector<ByteRange> ranges;
    uint64_t at = layer.index().end();
    for (const auto* entries : {&parsed->z, &parsed->y}) {
      for (const BlockEntry& entry : *entries) {
        require(entry.range.offset == at);
        at = entry.range.end();
        ranges.push_back(entry.range);
      }
    }
    require(at == layer.alpha_offset() && merged(ranges).size() == (blocks > 0 ? 1 : 0));
    // The same index would be written.
    std::vector<std::vector<uint8_t>> z, y;
    for (const BlockEntry& entry : parsed->z) z.emplace_back(entry.range.bytes);
    for (const BlockEntry& entry : parsed->y) y.emplace_back(entry.range.bytes);
    require(join_blocks(z, y).index_bytes == index.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  check_index({data + 1, size - 1});
  const bool seal = data[0] % 2 == 0;
  const std::span<const uint8_t> input(data + 1, size - 1);
  if (!seal) {
    check(input);
    return 0;
  }
  std::vector<uint8_t> sealed(input.begin(), input.end());
  const uint32_t sum = checksum(input);
  for (int i = 0; i < 4; ++i) sealed.push_back(static_cast<uint8_t>(sum >> (8 * i)));
  check(sealed);
  return 0;
}
