#include "bitstream/blocks.h"

#include <algorithm>
#include <string>

#include "bitstream/byte_io.h"
#include "bitstream/container.h"

namespace compass {
namespace {

// The entries of `count` blocks of `side` pixels a side; false if one is longer than any block.
bool read_entries(ByteReader& in, int64_t count, int side, uint64_t& at, std::vector<BlockEntry>& entries) {
  const uint64_t most = max_stream_bytes(int64_t{side} * side);
  entries.reserve(count);
  for (int64_t i = 0; i < count; ++i) {
    const uint64_t bytes = in.varint();
    if (bytes > most) return false;
    entries.push_back({{at, bytes}, in.u32()});
    at += bytes;
  }
  return true;
}

}  // namespace

Result<BlockIndex> parse_block_index(const LayerEntry& layer, std::span<const uint8_t> bytes) {
  const Error bad{ErrorCode::kDamaged, "the index of a layer of " + std::to_string(layer.size.width) + "x" +
                                           std::to_string(layer.size.height) + " does not list its bytes"};
  // So many entries are there: memory grows with what has arrived.
  if (bytes.size() < kMinBlockEntryBytes * static_cast<uint64_t>(listed_blocks(layer.size))) return bad;
  ByteReader in(bytes);
  BlockIndex index;
  uint64_t at = layer.offset + bytes.size();
  const bool possible = read_entries(in, hyper_grid(layer.size).pixels(), kHyperBlockSide, at, index.z) &&
                        read_entries(in, latent_grid(layer.size).pixels(), kLatentBlockSide, at, index.y);
  if (!possible || in.is_short() || in.malformed() || in.at() != bytes.size() || at != layer.alpha_offset())
    return bad;
  return index;
}

LayerStream join_blocks(std::span<const std::vector<uint8_t>> z, std::span<const std::vector<uint8_t>> y) {
  ByteWriter out;
  for (const auto blocks : {z, y}) {
    for (const auto& block : blocks) {
      out.varint(block.size());
      out.u32(checksum(block));
    }
  }
  LayerStream stream{std::move(out.bytes()), 0};
  stream.index_bytes = stream.bytes.size();
  for (const auto blocks : {z, y}) {
    for (const auto& block : blocks) stream.bytes.insert(stream.bytes.end(), block.begin(), block.end());
  }
  return stream;
}

std::vector<ByteRange> merged(std::vector<ByteRange> ranges) {
  std::ranges::sort(ranges, {}, &ByteRange::offset);
  std::vector<ByteRange> result;
  for (const ByteRange& range : ranges) {
    if (range.bytes == 0) continue;
    if (result.empty() || result.back().end() < range.offset) {
      result.push_back(range);
    } else {
      result.back().bytes = std::max(result.back().end(), range.end()) - result.back().offset;
    }
  }
  return result;
}

}  // namespace compass
